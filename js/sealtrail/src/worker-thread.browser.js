import { loadEngine } from './engine.browser.js'
import { serve } from './worker.js'

const answerTo = serve(loadEngine, (answer) => self.postMessage(answer))
self.onmessage = ({ data }) => answerTo(data)
