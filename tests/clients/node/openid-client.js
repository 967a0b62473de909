'use strict';
// openid-client: signs a user in from nothing but the issuer's address, and checks every signature.

async function configure({ issuer, client_id: clientId, client_secret: secret, in_body: inBody }) {
  const client = await import('openid-client');
  const authentication = secret === null ? client.None()
    : inBody ? client.ClientSecretPost(secret) : client.ClientSecretBasic(secret);
  // The tests' service is on loopback, without TLS.
  const options = { execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks] };
  const config = await client.discovery(new URL(issuer), clientId, undefined, authentication, options);
  return { client, config };
}

async function begin(wanted) {
  const { client, config } = await configure(wanted);
  const verifier = client.randomPKCECodeVerifier();
  const checks = { verifier, state: client.randomState(), nonce: client.randomNonce() };
  const url = client.buildAuthorizationUrl(config, {
    redirect_uri: wanted.redirect_uri,
    scope: 'openid profile offline_access',
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state: checks.state,
    nonce: checks.nonce,
    ...wanted.more,
  });
  return { ...checks, url: url.href };
}

async function finish(wanted) {
  const { client, config } = await configure(wanted);
  const checks = {
    pkceCodeVerifier: wanted.verifier, expectedState: wanted.state, expectedNonce: wanted.nonce, idTokenExpected: true,
  };
  const redeem = () => client.authorizationCodeGrant(config, new URL(wanted.callback), checks);
  const tokens = await redeem();
  const claims = tokens.claims();
  const info = await client.fetchUserInfo(config, tokens.access_token, claims.sub);
  const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token);
  const found = { tokens, claims, info, refreshed, again: refreshed.claims() };
  if (wanted.client_secret !== null) {
    const own = await client.clientCredentialsGrant(config);
    found.own = await client.tokenIntrospection(config, own.access_token);
    found.access = await client.tokenIntrospection(config, refreshed.access_token);
  }
  await client.tokenRevocation(config, refreshed.refresh_token);
  const refuse = async (promise) => promise.then(() => null, (error) => error.error ?? error.code ?? error.message);
  found.refused = [
    await refuse(client.refreshTokenGrant(config, refreshed.refresh_token)),
    await refuse(client.fetchUserInfo(config, refreshed.access_token, claims.sub)),
    await refuse(redeem()),
  ];
  return found;
}

async function redeemed(wanted) {
  const { client, config } = await configure(wanted);
  const checks = {
    pkceCodeVerifier: wanted.verifier, expectedState: wanted.state, expectedNonce: wanted.nonce, idTokenExpected: true,
  };
  const tokens = await client.authorizationCodeGrant(config, new URL(wanted.callback), checks);
  return { id_token: tokens.id_token, claims: tokens.claims() };
}

async function ended(wanted) {
  const { client, config } = await configure(wanted);
  const url = client.buildEndSessionUrl(config, {
    id_token_hint: wanted.id_token, post_logout_redirect_uri: wanted.after, state: wanted.state,
  });
  return { url: url.href };
}

async function refused(wanted) {
  const { client, config } = await configure(wanted);
  const checks = { pkceCodeVerifier: wanted.verifier, expectedState: wanted.state, expectedNonce: wanted.nonce };
  const told = (error) => ({ error: error.error });
  return client.authorizationCodeGrant(config, new URL(wanted.callback), checks).then(() => ({}), told);
}

// For clients that keep no secret: keys come and go as JSON Web Keys, as each step is a process of its own.

const EC = { name: 'ECDSA', namedCurve: 'P-256' };
const importKey = (jwk, usage) => crypto.subtle.importKey('jwk', jwk, EC, true, [usage]);

async function configureByKey({ issuer, client_id: clientId, key }) {
  const client = await import('openid-client');
  const { kid, ...jwk } = key;
  const authentication = client.PrivateKeyJwt({ key: await importKey(jwk, 'sign'), kid });
  const options = { execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks] };
  const config = await client.discovery(new URL(issuer), clientId, undefined, authentication, options);
  return { client, config };
}

async function proofs(client, config, pair) {
  const keys = { privateKey: await importKey(pair.privateKey, 'sign'), publicKey: await importKey(pair.publicKey, 'verify') };
  return { DPoP: client.getDPoPHandle(config, keys) };
}

async function pushed(wanted) {
  const { client, config } = await configureByKey(wanted);
  const made = await client.randomDPoPKeyPair('ES256', { extractable: true });
  const pair = {
    privateKey: await crypto.subtle.exportKey('jwk', made.privateKey),
    publicKey: await crypto.subtle.exportKey('jwk', made.publicKey),
  };
  const verifier = client.randomPKCECodeVerifier();
  const checks = { verifier, state: client.randomState(), nonce: client.randomNonce(), pair };
  const url = await client.buildAuthorizationUrlWithPAR(config, {
    redirect_uri: wanted.redirect_uri,
    scope: 'openid profile offline_access',
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state: checks.state,
    nonce: checks.nonce,
  }, await proofs(client, config, pair));
  return { ...checks, url: url.href };
}

async function proven(wanted) {
  const { client, config } = await configureByKey(wanted);
  const more = await proofs(client, config, wanted.pair);
  const checks = { pkceCodeVerifier: wanted.verifier, expectedState: wanted.state, expectedNonce: wanted.nonce, idTokenExpected: true };
  const tokens = await client.authorizationCodeGrant(config, new URL(wanted.callback), checks, undefined, more);
  const claims = tokens.claims();
  const info = await client.fetchUserInfo(config, tokens.access_token, claims.sub, more);
  const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token, undefined, more);
  const known = await client.tokenIntrospection(config, refreshed.access_token);
  const plain = await client.fetchUserInfo(config, tokens.access_token, claims.sub).then(() => 'let in', () => 'refused');
  return { tokens, claims, info, refreshed, known, plain };
}

async function device(wanted) {
  const { client, config } = await configure(wanted);
  return client.initiateDeviceAuthorization(config, { scope: 'openid profile' });
}

async function polled(wanted) {
  const { client, config } = await configure(wanted);
  const tokens = await client.pollDeviceAuthorizationGrant(config, wanted.device);
  return { claims: tokens.claims(), tokens };
}

module.exports = { begin, finish, redeemed, ended, refused, pushed, proven, device, polled };
