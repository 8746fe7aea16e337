import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'

const WRITERS = 8
const KILLS = 3

/** Records one after another, several side by side, while the sidecar is killed and started again; gives the receipts by id. */
export async function killedUnderLoad(sidecar, record) {
  const receipts = new Map()
  let stopped = false
  const writers = Array.from({ length: WRITERS }, async (_, writer) => {
    for (let n = 0; !stopped; n++) receipts.set(`${writer}-${n}`, await record(`${writer}-${n}`))
  })
  for (let kills = 0; kills < KILLS; kills++) {
    const enough = receipts.size + 50
    while (receipts.size < enough) await sleep(5)
    await sidecar.stop('SIGKILL')
    await sleep(50)
    await sidecar.start()
  }
  stopped = true
  await Promise.all(writers)
  return receipts
}

/** What has a receipt is in the log once, at the place that the receipt names, and nothing else of this type is. */
export async function assertOnce(sidecar, type, receipts) {
  const stored = await sidecar.lines()
  for (const { status, id, index } of receipts.values()) if (status === 'recorded') assert.equal(JSON.parse(stored[index]).id, id)
  const subjects = stored.map((line) => JSON.parse(line).subject).filter((subject) => subject?.startsWith(`${type}/`))
  assert.deepEqual(subjects.sort(), [...receipts.keys()].map((id) => `${type}/${id}`).sort())
}
