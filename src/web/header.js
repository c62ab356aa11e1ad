// The height of the bar, which other parts of the page keep free, and its look after scrolling.

const header = document.querySelector("header");

/** Sets up the measuring: the style sheets and the scripts read the height as --header. */
export function setUp() {
  const measure = () => document.documentElement.style.setProperty("--header", `${header.getBoundingClientRect().height}px`);
  new ResizeObserver(measure).observe(header);
  const follow = () => header.classList.toggle("scrolled", scrollY > 0);
  addEventListener("scroll", follow, { passive: true });
  follow();
}
