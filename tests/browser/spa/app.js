// What an app does with oidc-client-ts as it comes. Each step is called by the test, and gives JSON.
"use strict";

const { UserManager, IndexedDbDPoPStore, WebStorageStateStore, Log } = window.oidc;

const errors = [];
Log.setLogger({ debug() {}, info() {}, warn() {}, error: (...words) => errors.push(words.join(" ")) });

function manager(authority, clientId, bound) {
  return new UserManager({
    authority,
    client_id: clientId,
    redirect_uri: `${location.origin}/oidc/spa`,
    scope: "openid profile offline_access",
    prompt: "consent",
    userStore: new WebStorageStateStore({ store: sessionStorage }),
    loadUserInfo: !bound,
    automaticSilentRenew: false,
    ...(bound ? { dpop: { bind_authorization_code: true, store: new IndexedDbDPoPStore() } } : {}),
  });
}

const shown = (user) => ({
  profile: user.profile, scope: user.scope, kind: user.token_type, token: user.access_token, refresh: user.refresh_token,
});

const steps = {
  begin(users) { // the page goes away meanwhile
    users.signinRedirect();
  },
  finish: async (users) => shown(await users.signinCallback()),
  renew: async (users) => shown(await users.signinSilent()),
  async userinfo(users) {
    const user = await users.getUser();
    const url = (await users.metadataService.getMetadata()).userinfo_endpoint;
    const headers = { Authorization: `DPoP ${user.access_token}`, DPoP: await users.dpopProof(url, user, "GET") };
    return (await fetch(url, { headers })).json();
  },
  async stolen(users) { // the token without its key
    const user = await users.getUser();
    const url = (await users.metadataService.getMetadata()).userinfo_endpoint;
    const answer = await fetch(url, { headers: { Authorization: `Bearer ${user.access_token}` } });
    return { status: answer.status, challenge: answer.headers.get("WWW-Authenticate") };
  },
  async revoke(users) {
    const { refresh_token: token } = await users.getUser(); // the library forgets it
    await users.revokeTokens(["refresh_token"]);
    const url = (await users.metadataService.getMetadata()).token_endpoint;
    const body = new URLSearchParams({ grant_type: "refresh_token", client_id: users.settings.client_id, refresh_token: token });
    return (await (await fetch(url, { method: "POST", body })).json()).error;
  },
  errors: () => errors,
};

window.run = (step, authority, clientId, bound) => steps[step](manager(authority, clientId, bound));
