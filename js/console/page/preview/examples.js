const shopPolicy = `{
  "id": "shop",
  "version": "1",
  "default": { "action": "seal", "group": "default" },
  "rules": [
    { "select": "$.title", "action": "keep" },
    { "select": "$.inventory", "action": "keep" },
    { "select": "$.customer.email", "action": "seal", "group": "contact",
      "subject": "customer/{/customer/id}", "retain": "standard-7y" },
    { "select": "$.customer.phone", "action": "mask", "mask": { "last": 3 } },
    { "select": "$.customer.id", "action": "keep" },
    { "select": "$.session", "action": "drop" }
  ],
  "context": [
    { "select": "$.request.ip", "action": "seal", "group": "network" }
  ],
  "ignore": ["$.updated_at"]
}`

const orderChange = `{
  "entity": { "type": "order", "id": "1007" },
  "action": "update",
  "before": {
    "title": "Redmi note 9 max | 6gb Ram | 128gb Storage",
    "inventory": 1,
    "ledger": 12345678901234567890123,
    "customer": { "id": 3, "email": "ada@example.com", "phone": "+44 20 7946 0958" },
    "session": "s-1",
    "updated_at": "2026-11-21T19:45:00Z"
  },
  "after": {
    "title": "Redmi note 9 max | 4gb Ram | 128gb Storage",
    "inventory": 10,
    "ledger": 12345678901234567890124,
    "customer": { "id": 3, "email": "ada@example.org", "phone": "+44 20 7946 0321" },
    "session": "s-2",
    "updated_at": "2026-11-21T19:46:00Z"
  },
  "context": {
    "correlation_id": "a20e389c-134b-40e7-9827-1c94eb895412",
    "service": "shop",
    "actor": { "type": "user", "id": "u-1", "email": "user@example.com" },
    "request": { "method": "PUT", "path": "/orders/1007", "ip": "203.0.113.86" }
  }
}`

const keysPolicy = `{
  "id": "products",
  "version": "1",
  "default": { "action": "keep" },
  "rules": [],
  "ignore": ["$.sku_id"],
  "fold_keys": true
}`

const keysChange = `{
  "table_id": "products_master",
  "entity_id": "1",
  "micro_service_name": "product_management",
  "action": "update",
  "old data": { " id": 1, "title": "6gb Ram", "sku_id": "sku_1", "inventory": 1 },
  "new_data": { "_id": 1, "title": "4gb Ram", "sku id": "sku 1", "inventory": 10 },
  "request info": {
    "time_stamp": "2020-07-29T19:45:00.047Z",
    "request_id": "a20e389c-134b-40e7-9827-1c94eb895412",
    "user": { "user_id": "206483f8-f11e-4ee8-87df-962b6f92d610", "email": "user@example.com" }
  }
}`

const newCustomer = `{
  "entity": { "type": "customer", "id": "3" },
  "action": "create",
  "before": null,
  "after": {
    "id": 3,
    "name": "Ada Lovelace",
    "email": "ada@example.com",
    "password": "correct horse battery staple",
    "address": { "street": "12 St James's Square", "city": "London" },
    "newsletter": true
  }
}`

const customerPolicy = `{
  "id": "customers",
  "version": "1",
  "default": { "action": "seal", "group": "default" },
  "rules": [
    { "select": "$.id", "action": "keep" },
    { "select": "$.newsletter", "action": "keep" },
    { "select": "$.password", "action": "keep" },
    { "select": "$['name', 'email']", "action": "seal", "group": "contact" },
    { "select": "$.address.city", "action": "keep" },
    { "select": "$.address", "action": "seal", "group": "address" }
  ]
}`

const notesPolicy = `{
  "id": "clinic",
  "version": "2",
  "default": { "action": "seal", "group": "clinical" },
  "rules": [
    { "select": "$.ward", "action": "keep" },
    { "select": "$.leaflet", "action": "keep" },
    { "select": "$.patient_number", "action": "pseudonym", "group": "patients" },
    { "select": "$.insurance.card", "action": "mask", "mask": "card" },
    { "select": "$.billing_note", "action": "drop" }
  ]
}`

const notesChange = `{
  "entity": { "type": "treatment", "id": "88" },
  "action": "update",
  "before": {
    "ward": "B2",
    "leaflet": "Take one tablet in the morning with water. Do not drive for two hours after it.",
    "patient_number": "P-20931",
    "diagnosis": "suspected migraine",
    "insurance": { "card": "4111 1111 1111 1111", "plan": "basic" },
    "billing_note": "asks for instalments"
  },
  "after": {
    "ward": "B2",
    "leaflet": "Take one tablet in the evening with water. Do not drive for eight hours after it.",
    "patient_number": "P-20932",
    "diagnosis": "migraine with aura",
    "insurance": { "card": "5500 0055 5555 5559", "plan": "basic" },
    "billing_note": "paid"
  },
  "context": {
    "correlation_id": "7d7c6c1e-6c0c-4a39-9a0e-6a3f8d8f7f10",
    "service": "clinic",
    "actor": { "type": "user", "id": "nurse-12" }
  }
}`

/** To start from: each shows something that the others do not. */
export const EXAMPLES = {
  'an order changes': { policy: shopPolicy, change: orderChange },
  'a treatment is corrected': { policy: notesPolicy, change: notesChange },
  'a customer is created': { policy: customerPolicy, change: newCustomer },
  'keys in many spellings': { policy: keysPolicy, change: keysChange },
}
