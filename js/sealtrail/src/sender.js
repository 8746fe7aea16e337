import { post } from './post.js'
import { Sealing } from './sealing.js'
import { isToSeal } from './to-seal.js'
import { Transport } from './transport.js'

/** Brings changes to the sidecar: as they are, or sealed here. */
export class Sender {
  #transport
  #sealing

  constructor(target, engine) {
    this.#transport = new Transport(target)
    this.#sealing = new Sealing(this.#transport, engine)
  }

  /**
   * What became of changes that go the same way: `perLine` outcomes in their order, or one `error` for all of them.
   *
   * @param {import('./lines.js').Line[]} batch
   */
  send(batch, timeoutMs) {
    return isToSeal(batch[0]) ? this.#sealing.send(batch, timeoutMs) : post(this.#transport, batch, timeoutMs)
  }

  close() {
    this.#transport.close()
  }
}
