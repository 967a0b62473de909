'use strict';
// node-easywechat: one application asks Lingpai for tokens and tickets, the other uses them.

const { OfficialAccount, Work } = require('node-easywechat');

const http = { baseURL: process.env.LINGPAI_URL };

function createOfficialAccount(appid, secret, options = {}) {
  const config = { app_id: appid, secret, use_stable_access_token: true, ...options };
  const lingpai = new OfficialAccount({ ...config, http });
  const app = new OfficialAccount(config);
  return app.setAccessToken(lingpai.getAccessToken()).setTicket(lingpai.getTicket());
}

function createWork(corpid, secret, options = {}) {
  const config = { corp_id: corpid, secret, ...options };
  const lingpai = new Work({ ...config, http });
  const app = new Work(config);
  return app.setAccessToken(lingpai.getAccessToken()).setTicket(lingpai.getTicket());
}

module.exports = { createOfficialAccount, createWork };
