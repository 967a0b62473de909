'use strict';
// @modelcontextprotocol/sdk: reaches an MCP server from nothing but its address, and uses its tools.

class Memory {
  constructor({ redirect_uri: redirect, client, document }) {
    this.redirectUrl = redirect;
    this.client = client ?? undefined; // without one it is its document's address, or it registers itself
    this.clientMetadataUrl = document ?? undefined;
    this.clientMetadata = {
      client_name: 'MCP client', redirect_uris: [redirect], token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'],
    };
  }

  state() { this.asked ??= crypto.randomUUID(); return this.asked; }

  clientInformation() { return this.client; }

  saveClientInformation(client) { this.client = client; }

  tokens() { return this.held; }

  saveTokens(tokens) { this.held = tokens; }

  redirectToAuthorization(url) { this.url = url.href; }

  saveCodeVerifier(verifier) { this.verifier = verifier; }

  codeVerifier() { return this.verifier; }
}

async function open(wanted, provider) {
  const { Client } = await import('@modelcontextprotocol/sdk/client/index.js');
  const { StreamableHTTPClientTransport } = await import('@modelcontextprotocol/sdk/client/streamableHttp.js');
  const transport = new StreamableHTTPClientTransport(new URL(wanted.server), { authProvider: provider });
  return { transport, client: new Client({ name: 'judge', version: '1' }) };
}

async function begin(wanted) {
  const provider = new Memory(wanted);
  const { transport, client } = await open(wanted, provider);
  const refusal = await client.connect(transport).then(() => null, (error) => error.constructor.name);
  return { refusal, url: provider.url, state: provider.asked, verifier: provider.verifier, client: provider.client };
}

async function finish(wanted) {
  const provider = new Memory(wanted);
  provider.verifier = wanted.verifier;
  const answer = new URL(wanted.callback).searchParams;
  const first = await open(wanted, provider);
  await first.transport.finishAuth(answer.get('code'));
  const tokens = provider.held;
  const { transport, client } = await open(wanted, provider);
  await client.connect(transport);
  const found = { tokens, tools: (await client.listTools()).tools.map(({ name }) => name) };
  found.whoami = (await client.callTool({ name: 'whoami', arguments: {} })).structuredContent;
  found.echo = (await client.callTool({ name: 'echo', arguments: { text: '令牌' } })).structuredContent;
  found.unknown = await client.callTool({ name: 'nothing', arguments: {} }).then(() => null, (error) => error.code);
  provider.held = { ...tokens, access_token: 'stale' }; // refused, so the refresh token is used
  found.again = (await client.callTool({ name: 'whoami', arguments: {} })).structuredContent;
  found.rotated = provider.held.refresh_token !== tokens.refresh_token;
  await client.close();
  return found;
}

module.exports = { begin, finish };
