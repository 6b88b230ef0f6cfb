"""The HTTP API: queries and actions for the security team's own tools.

`queries` and `actions` are the two handlers, each with a role of its own: who asks can change nothing.
`application` resolves the route and turns every failure into a problem document (`problems`, RFC 9457).
`query_routes` notes who asks, looks it up and answers a page; `cursors` signs where the next one begins.
`manufacturer_routes` registers manufacturers and changes their profiles.
`device_routes` and `fleet_routes` stop and release one device or many, by the workflows of `operators`; `acting` is
what they have in common.
`fields` says what a query may ask, `orders` what an action may be told, `answers` what both answer.
`caller` says who calls and what they see; `stack` reaches the stack once for all requests; `settings` reads the
environment.
docs/openapi.json is made from the routes.
"""
