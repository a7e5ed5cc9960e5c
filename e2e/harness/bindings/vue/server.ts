import { createSSRApp } from 'vue'
import { renderToString } from '@vue/server-renderer'
import type { Part } from '../rig.ts'
import { createParts } from './parts.ts'

export const render = (parts: readonly Part[]): Promise<string> => renderToString(createSSRApp(createParts(parts)))
