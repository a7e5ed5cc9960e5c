/**
 * VitePress 1.6.4 calls its search a button that contains a field and other buttons, which a screen reader cannot
 * enter. It is a dialog.
 */
export function mendSearch(): void {
  new MutationObserver(() => {
    const search = document.querySelector('.VPLocalSearchBox[role=button]')
    if (search === null) return
    search.setAttribute('role', 'dialog')
    search.setAttribute('aria-modal', 'true')
    for (const name of ['aria-expanded', 'aria-haspopup', 'aria-owns']) search.removeAttribute(name)
  }).observe(document.body, { childList: true })
}
