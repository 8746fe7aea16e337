#!/bin/sh
# Posts a change to a running sidecar and reads it back. SEALTRAIL_URL is the address of its API.
set -eu
url=${SEALTRAIL_URL:-http://127.0.0.1:8090}
say() { printf '\n$ %s\n' "$*"; }

say "POST /v1/changes"
curl -sS --fail-with-body "$url/v1/changes" -H 'content-type: application/json' -d '{
  "entity": {"type": "customer", "id": "3"}, "action": "update",
  "before": {"name": "Ada Lovelace", "email": "ada@example.com", "newsletter": false},
  "after":  {"name": "Ada Lovelace", "email": "ada@example.org", "newsletter": true},
  "context": {"correlation_id": "curl-1", "actor": {"type": "user", "id": "u-1"}}
}'

say "POST /v1/changes, many: one receipt or problem per line"
printf '%s\n%s\n' \
  '{"entity":{"type":"customer","id":"3"},"action":"delete","before":{"newsletter":true},"after":null,"context":{"correlation_id":"curl-2"}}' \
  '{"entity":{"type":"customer","id":"3"},"action":"archive"}' |
  curl -sS --fail-with-body "$url/v1/changes" -H 'content-type: application/x-ndjson' --data-binary @-

say "GET /v1/entities/customer/3/changes"
curl -sS --fail-with-body "$url/v1/entities/customer/3/changes"

say "GET /v1/records?correlation=curl-1"
curl -sS --fail-with-body "$url/v1/records?correlation=curl-1"

say "GET /checkpoint"
curl -sS --fail-with-body "$url/checkpoint"
