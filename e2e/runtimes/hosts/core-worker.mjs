import { conformance } from '../conformance.mjs'
import data from 'data'

export default {
  async fetch() {
    return Response.json(await conformance(data))
  },
}
