// Runs in each page before the page's scripts and records the metrics that its user experiences.
(() => {
  let largest = 0, shift = 0;
  const long = [];
  const observe = (type, handle) =>
    new PerformanceObserver((list) => list.getEntries().forEach(handle)).observe({ type, buffered: true });
  observe("largest-contentful-paint", (entry) => { largest = entry.startTime; });
  observe("layout-shift", (entry) => { if (!entry.hadRecentInput) shift += entry.value; });
  observe("longtask", (entry) => long.push([entry.startTime, entry.duration]));
  // Ready: painted, parsed, and after the last long task, followed by five quiet seconds.
  window.portalBench = () => {
    const painted = performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? largest;
    const parsed = performance.getEntriesByType("navigation")[0].domContentLoadedEventEnd;
    const after = long.filter(([start, duration]) => start + duration > painted);
    const ready = Math.max(painted, parsed, ...after.map(([start, duration]) => start + duration));
    const blocked = after.reduce((sum, [, duration]) => sum + Math.max(0, duration - 50), 0);
    return { largest, ready, blocked, shift };
  };
})();
