import type { Finding } from 'sealtrail'
import { loadEngine, SealtrailError, verifyProof } from 'sealtrail'
// @ts-expect-error a trail is for services
import { createTrail } from 'sealtrail'

const { index, origin } = await verifyProof('proof', 'line', 'vkey')
const { witnesses } = await verifyProof('proof', 'line', 'vkey', { witnessPolicy: new Uint8Array() })
const fields = (await loadEngine()).preview('{}', { entity: { type: 'x', id: '1' }, action: 'update' }).fields
const findings: Finding[] = (await loadEngine()).lint('{}')
void [findings, index, origin, witnesses, fields, SealtrailError, createTrail]
