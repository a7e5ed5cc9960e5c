import { DatabaseSync } from 'node:sqlite'
import { pluginBattery } from '../plugin.mjs'

console.log(JSON.stringify(await pluginBattery(new DatabaseSync(':memory:'))))
