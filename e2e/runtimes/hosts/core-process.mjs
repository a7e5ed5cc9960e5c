import { conformance } from '../conformance.mjs'
import data from 'data'

console.log(JSON.stringify(await conformance(data)))
