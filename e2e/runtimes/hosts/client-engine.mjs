import './engine-globals.mjs'
import { clientConformance } from '../client.mjs'
import data from 'data'

void clientConformance(data).then((findings) => /** @type {any} */ (globalThis).print(JSON.stringify(findings)))
