import { parentPort } from 'node:worker_threads'
import { loadEngine } from './engine.node.js'
import { serve } from './worker.js'

parentPort.on('message', serve(loadEngine, (answer) => parentPort.postMessage(answer)))
