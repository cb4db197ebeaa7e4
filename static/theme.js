// A classic script in the head: the theme must be known before the first paint, and modules run after it.
(() => {
  const KEY = 'orders.theme';
  const root = document.documentElement;
  const system = matchMedia('(prefers-color-scheme: dark)');

  // Storage may be forbidden; the page then follows the system.
  function saved() {
    try { return localStorage.getItem(KEY); } catch { return null; }
  }

  function save(theme) {
    try {
      // Choosing what the system has anyway means following it again.
      if (theme === fromSystem()) localStorage.removeItem(KEY);
      else localStorage.setItem(KEY, theme);
    } catch { /* not kept, but applied */ }
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
