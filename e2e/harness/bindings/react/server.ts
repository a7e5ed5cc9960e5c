import { createElement } from 'react'
import { renderToString } from 'react-dom/server'
import type { Part } from '../rig.ts'
import { Parts } from './parts.ts'

export const render = async (parts: readonly Part[]): Promise<string> => renderToString(createElement(Parts, { parts }))
