"""Parts that several platforms share: signed webhooks, the base of payload models, links in texts, revisions of actions."""
