// The path in front of every path of the service, e.g. /shop behind a proxy that removes it; usually empty.
export const base = new URL('..', import.meta.url).pathname.slice(0, -1);

// The path of a view.
export const view = (path = '') => `${base}/app/${path}`;
