'use strict';
// standardwebhooks: verifies what came at a webhook, with each secret; what was changed on the way is refused.

const { Webhook, WebhookVerificationError } = require('standardwebhooks');

function verify({ secrets, deliveries }) {
  const verified = [];
  const refused = [];
  for (const secret of secrets) {
    const webhook = new Webhook(secret);
    for (const [headers, body] of deliveries) {
      const { type } = webhook.verify(body, headers);
      verified.push(type);
      try {
        webhook.verify(`${body} `, headers);
      } catch (error) {
        if (!(error instanceof WebhookVerificationError)) throw error;
        refused.push(type);
      }
    }
  }
  return { verified, refused };
}

module.exports = { verify };
