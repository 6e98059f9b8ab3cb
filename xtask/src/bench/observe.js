// Runs on each page before the page's own scripts; records metrics that reflect what users notice.
(() => {
  let largest = 0, shift = 0;
  const long = [];
  const watch = (type, use) =>
    new PerformanceObserver((list) => list.getEntries().forEach(use)).observe({ type, buffered: true });
  watch("largest-contentful-paint", (entry) => { largest = entry.startTime; });
  watch("layout-shift", (entry) => { if (!entry.hadRecentInput) shift += entry.value; });
  watch("longtask", (entry) => long.push([entry.startTime, entry.duration]));
  // A page is ready once it is painted and parsed and its last long task has ended, if five quiet
  // seconds follow.
  window.portalBench = () => {
    const painted = performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? largest;
    const parsed = performance.getEntriesByType("navigation")[0].domContentLoadedEventEnd;
    const after = long.filter(([start, duration]) => start + duration > painted);
    const ready = Math.max(painted, parsed, ...after.map(([start, duration]) => start + duration));
    const blocked = after.reduce((sum, [, duration]) => sum + Math.max(0, duration - 50), 0);
    return { largest, ready, blocked, shift };
  };
})();
