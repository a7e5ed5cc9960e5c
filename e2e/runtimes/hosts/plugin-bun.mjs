import { Database } from 'bun:sqlite'
import { pluginBattery } from '../plugin.mjs'

console.log(JSON.stringify(await pluginBattery(new Database(':memory:'))))
