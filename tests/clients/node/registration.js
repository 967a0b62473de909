'use strict';
// openid-client: registers itself. What it has become signs users in as any other does: see openid-client.js.

async function registered({ issuer, metadata, initial }) {
  const client = await import('openid-client');
  const execute = [client.allowInsecureRequests]; // the tests' service is on loopback, without TLS
  const options = { execute, ...(initial && { initialAccessToken: initial }) };
  const config = await client.dynamicClientRegistration(new URL(issuer), metadata, undefined, options);
  return config.clientMetadata();
}

async function refused(wanted) {
  const told = (error) => error.error ?? error.code;
  return { error: await registered(wanted).then(() => null, told) };
}

module.exports = { registered, refused };
