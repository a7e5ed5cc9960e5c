import type { Theme } from 'vitepress'
import DefaultTheme from 'vitepress/theme-without-fonts'
import { mendSearch } from './mend-search.ts'
import './style.css'

const theme: Theme = {
  extends: DefaultTheme,
  enhanceApp: () => {
    if (!import.meta.env.SSR) mendSearch()
  },
}

export default theme
