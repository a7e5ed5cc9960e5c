import { conformance } from '../conformance.mjs'
import data from 'data'

addEventListener('fetch', (/** @type {any} */ event) => {
  event.respondWith(conformance(data).then((findings) => Response.json(findings)))
})
