import { type Theme, withBase } from 'vitepress'
import DefaultTheme from 'vitepress/theme-without-fonts'
import { type VNode, h } from 'vue'
import { mendSearch } from './mend-search.ts'
import './style.css'

const notFound = (): VNode =>
  h('main', { class: 'not-found vp-doc' }, [
    h('h1', 'There is no such page'),
    h('p', h('a', { href: withBase('/') }, 'All pages')),
  ])

const theme: Theme = {
  extends: DefaultTheme,
  Layout: () => h(DefaultTheme.Layout, null, { 'not-found': notFound }),
  enhanceApp: () => {
    if (!import.meta.env.SSR) mendSearch()
  },
}

export default theme
