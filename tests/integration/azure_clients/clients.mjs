// SPDX-License-Identifier: Apache-2.0
// One task with Microsoft's own clients against the stand-in for Azure; prints its result as JSON.
// Usage: node clients.mjs TASK, with what to use in AZ_… variables.
import { NetworkManagementClient } from "@azure/arm-network";
import { ClientSecretCredential, ManagedIdentityCredential, WorkloadIdentityCredential }
  from "@azure/identity";

const { AZ_ENDPOINT, AZ_TENANT, AZ_CLIENT, AZ_SECRET, AZ_ASSERTION_FILE, AZ_SUBSCRIPTION } =
  process.env;
const login = { authorityHost: AZ_ENDPOINT, disableInstanceDiscovery: true };
const SCOPE = "https://management.azure.com/.default";
const QUICKLY = { updateIntervalInMs: 10 };

const credentials = {
  secret: () => new ClientSecretCredential(AZ_TENANT, AZ_CLIENT, AZ_SECRET, login),
  managed: () => new ManagedIdentityCredential({ clientId: AZ_CLIENT }),
  workload: () => new WorkloadIdentityCredential({
    tenantId: AZ_TENANT, clientId: AZ_CLIENT, tokenFilePath: AZ_ASSERTION_FILE, ...login }),
};

function network(kind = "secret") {
  return new NetworkManagementClient(credentials[kind](), AZ_SUBSCRIPTION,
    { endpoint: AZ_ENDPOINT, retryOptions: { maxRetries: 0 } });
}

const get = (client) => client.applicationGateways.get("rg", "gw");

async function changed(edit) {
  const client = network();
  const gateway = await get(client);
  edit(gateway);
  return client.applicationGateways.beginCreateOrUpdateAndWait("rg", "gw", gateway, QUICKLY);
}

const pool = (gateway) => gateway.backendAddressPools.find((each) => each.name === "bb");

const tasks = {
  secret: async () => (await get(network("secret"))).name,
  managed: async () => (await get(network("managed"))).name,
  workload: async () => (await get(network("workload"))).name,
  lifetime: async () => {
    const { token, expiresOnTimestamp } = await credentials.secret().getToken(SCOPE);
    return { isToken: token.length > 100, seconds: (expiresOnTimestamp - Date.now()) / 1000 };
  },
  get: async () => get(network()),
  remove: async () => changed((gateway) => {
    pool(gateway).backendAddresses = pool(gateway).backendAddresses
      .filter((each) => each.ipAddress !== "10.0.0.1");
  }),
  incomplete: async () => changed((gateway) => { gateway.httpListeners = []; }),
  health: async () =>
    network().applicationGateways.beginBackendHealthAndWait("rg", "gw", QUICKLY),
  leave: async () => {
    const client = network();
    const nic = await client.networkInterfaces.get("rg", "nic");
    nic.ipConfigurations[0].applicationGatewayBackendAddressPools = [];
    await client.networkInterfaces.beginCreateOrUpdateAndWait("rg", "nic", nic, QUICKLY);
    return get(client);
  },
};

try {
  console.log(JSON.stringify({ result: await tasks[process.argv[2]]() }));
} catch (error) {
  const { name, code, statusCode, message } = error;
  console.log(JSON.stringify({ error: { name, code, statusCode, message } }));
}
