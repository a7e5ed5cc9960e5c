import { pluginBattery } from '../plugin.mjs'

export default {
  /** @param {Request} _ @param {{ DB: unknown }} environment */
  async fetch(_, { DB }) {
    return Response.json(await pluginBattery(DB))
  },
}
