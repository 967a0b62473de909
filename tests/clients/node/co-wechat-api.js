'use strict';
// co-wechat-api: tokens and tickets come from Lingpai, through the callbacks that it has for shared ones.

const WechatAPI = require('co-wechat-api');

const LINGPAI = process.env.LINGPAI_URL;

async function ask(path, parameters) {
  const response = await fetch(`${LINGPAI}${path}?${new URLSearchParams(parameters)}`);
  const answer = await response.json();
  if (answer.errcode) throw new Error(`${path}: ${answer.errcode} ${answer.errmsg}`);
  return { ...answer, expireTime: Date.now() + answer.expires_in * 1000 };
}

function createClient(appid, secret) {
  const askToken = () => ask('/cgi-bin/token', { grant_type: 'client_credential', appid, secret });
  const getToken = async () => {
    const { access_token: accessToken, expireTime } = await askToken();
    return { accessToken, expireTime };
  };
  const getTicket = async (type = 'jsapi') => {
    const { accessToken } = await getToken();
    return ask('/cgi-bin/ticket/getticket', { access_token: accessToken, type });
  };
  const keepNothing = async () => {};
  // The last argument: tokens come from getToken alone. Without it, a 40001 would make the client fetch its own.
  const api = new WechatAPI(appid, secret, getToken, keepNothing, true);
  api.registerTicketHandle(getTicket, keepNothing);
  return api;
}

module.exports = { createClient };
