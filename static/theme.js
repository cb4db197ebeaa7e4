// A classic script in the head. Modules may run after the first paint, and the theme must be set before it.
(() => {
  const KEY = 'orders.theme';
  const root = document.documentElement;
  const system = matchMedia('(prefers-color-scheme: dark)');

  // The browser may forbid storage. The page then follows the system.
  function saved() {
    try { return localStorage.getItem(KEY); } catch { return null; }
  }

  function save(theme) {
    try {
      // A user who chooses the system's theme follows the system again.
      if (theme === fromSystem()) localStorage.removeItem(KEY);
      else localStorage.setItem(KEY, theme);
    } catch { /* the theme applies until reload */ }
  }

  const fromSystem = () => (system.matches ? 'dark' : 'light');
  const current = () => root.dataset.theme;

  function apply(theme) {
    root.dataset.theme = theme;
    const button = document.getElementById('theme');
    button?.setAttribute('aria-label', theme === 'dark' ? 'Switch to the light theme' : 'Switch to the dark theme');
  }

  apply(saved() ?? fromSystem());
  system.addEventListener('change', () => apply(saved() ?? fromSystem()));
  addEventListener('storage', (event) => {
    if (event.key === KEY) apply(saved() ?? fromSystem());
  });
  document.addEventListener('DOMContentLoaded', () => {
    apply(current());
    document.getElementById('theme').addEventListener('click', () => {
      apply(current() === 'dark' ? 'light' : 'dark');
      save(current());
    });
  });
})();
