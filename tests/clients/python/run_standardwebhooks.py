"""Verifies what came at a webhook by the reference library of Standard Webhooks; see the test."""

from standardwebhooks import Webhook, WebhookVerificationError  # type: ignore[import-not-found] # in a folder of its own

from tests.clients.python.messages import answer, read_wanted


def main() -> None:
    wanted = read_wanted()
    verified, refused = [], []
    for secret in wanted["secrets"]:
        for headers, body in wanted["deliveries"]:
            event = Webhook(secret).verify(body, headers)
            verified.append(event["type"])
            try:
                Webhook(secret).verify(body + " ", headers)
            except WebhookVerificationError:
                refused.append(event["type"])
    answer(verified=verified, refused=refused)


if __name__ == "__main__":
    main()
