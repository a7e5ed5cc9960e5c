// The smallest browser on WebKitGTK that WebDriver can steer: `gjs -m webkit-browser.js PROFILE kept|private|off`.
// Debian's MiniBrowser will not do: under WebDriver it keeps nothing on disk.
import GLib from 'gi://GLib'
import Gtk from 'gi://Gtk?version=3.0'
import WebKit from 'gi://WebKit2?version=4.1'
import { programArgs } from 'system'

const SIGTERM = 15

Gtk.init(null)

const [profile, storage] = programArgs
const manager = storage === 'private' ? WebKit.WebsiteDataManager.new_ephemeral() : new WebKit.WebsiteDataManager({ base_data_directory: profile, base_cache_directory: profile })
// As in Apple's Lockdown Mode, pages then have no IndexedDB.
const settings = new WebKit.Settings({ enable_html5_database: storage !== 'off' })
const context = new WebKit.WebContext({ website_data_manager: manager })
context.set_automation_allowed(true)
context.connect('automation-started', (_, session) => {
  const application = new WebKit.ApplicationInfo()
  application.set_name('WebKitGTK')
  application.set_version(WebKit.get_major_version(), WebKit.get_minor_version(), WebKit.get_micro_version())
  session.set_application_info(application)
  session.connect('create-web-view', openWindow)
})

/** Each window has a web process of its own. */
function openWindow() {
  const view = new WebKit.WebView({ web_context: context, settings, is_controlled_by_automation: true })
  const window = new Gtk.Window({ default_width: 600, default_height: 400 })
  window.add(view)
  view.connect('close', () => window.destroy())
  window.show_all()
  return view
}

GLib.unix_signal_add(GLib.PRIORITY_DEFAULT, SIGTERM, () => Gtk.main_quit())
print('ready')
Gtk.main()
