// The gallery. The address holds the query, and the page shows what the address says.

import * as actionBar from "./action-bar.js";
import * as api from "./api.js";
import * as bar from "./bar.js";
import * as chips from "./chips.js";
import { $ } from "./dom.js";
import * as drop from "./drop.js";
import * as duplicates from "./duplicates.js";
import * as filters from "./filters.js";
import * as gallery from "./gallery.js";
import * as grid from "./grid.js";
import * as header from "./header.js";
import * as key from "./key.js";
import * as lasso from "./lasso.js";
import * as menu from "./menu.js";
import * as models from "./models.js";
import * as problem from "./problem.js";
import { isSearch, narrowed } from "./query.js";
import * as results from "./results.js";
import * as route from "./route.js";
import { number, say, translate } from "./say.js";
import * as scrubber from "./scrubber.js";
import * as selection from "./selection.js";
import * as sort from "./sort.js";
import * as suggest from "./suggest.js";
import * as swipe from "./swipe.js";
import * as tagMany from "./tag-many.js";
import * as touch from "./touch.js";
import * as uploads from "./uploads.js";
import * as viewer from "./viewer.js";

/** Shows the query of the address, and the image that the address opens. */
async function show({ restored }) {
  const query = route.query();
  if (viewer.isOpen() && query.open === null) viewer.close();
  if (gallery.isStale()) {
    bar.showQuery(query);
    filters.showQuery(query);
    chips.showQuery(query);
    sort.showQuery(query);
    const entry = route.entry();
    await gallery.load({ restored });
    // The reader may have changed the query while the results were loading.
    if (route.isPictureLost() && route.entry() === entry && !problem.isError()) problem.note("picture_lost");
  }
  if (query.open !== null && route.query().open === query.open) openById(query.open);
}

function open(image) {
  route.open(image.image_id, viewer.isOpen());
  const index = results.indexOf(image.image_id);
  viewer.open(image, { first: index <= 0, last: index < 0 || (index === results.count() - 1 && results.isComplete()) });
}

async function openById(id) {
  try {
    const index = results.indexOf(id);
    const image = index >= 0 ? await results.load(index) : await api.image(id);
    // The reader may have gone elsewhere while the image was loading.
    if (route.query().open === id) open(image);
  } catch (error) {
    problem.show(error);
    route.close();
  }
}

/** Opens the result at an index in the large view; nothing happens past the end. */
async function openAt(index) {
  const image = index < 0 ? undefined : await results.load(index).catch(problem.show);
  if (image) open(image);
}

/** The place of the open image in the results, or −1. */
const openIndex = () => results.indexOf(route.query().open);

/** Opens the result before or after the open one. */
async function step(by) {
  const index = openIndex();
  if (index >= 0) await openAt(index + by);
}

/** Closes the large view and shows another query. */
function leaveFor(change, pictures) {
  route.navigate(change, pictures);
  viewer.close();
  duplicates.close();
  $("pictures").focus({ preventScroll: true });
}

/** Narrows the filter and keeps the rest of the query. */
function narrow(change) {
  leaveFor({ filter: narrowed(route.query().filter, change) });
}

/** Removes deleted images wherever they are shown. */
function removed(images) {
  const ids = images.map(({ image_id: id }) => id);
  gallery.remove(ids);
  ids.forEach(duplicates.removeImage);
  const [{ file_name: name }] = images;
  gallery.announce(() => (images.length === 1 ? say("removed", { name }) : say("removed_n", { count: number(images.length) })));
}

viewer.setUp({
  step,
  closed(image) {
    route.close();
    grid.focus(results.indexOf(image.image_id), { preventScroll: true });
  },
  similar(image) {
    leaveFor({ like: [image.image_id], text: "" }, []);
  },
  include(image) {
    leaveFor({ like: [...new Set([...route.query().like, image.image_id])] });
  },
  narrow,
  removed(image) {
    viewer.close();
    removed([image]);
  },
  changed: results.update,
});

uploads.setUp({
  done(created) {
    if (!created) return;
    gallery.clearCache();
    if (!isSearch(route.query(), route.files()) && !viewer.isOpen()) gallery.reload();
  },
  open,
});

key.setUp();
bar.setUp(problem.note, viewer.close);
suggest.setUp();
chips.setUp();
filters.setUp();
sort.setUp();
duplicates.setUp({ open, removed });
drop.setUp(bar.searchByFiles, uploads.add);
models.setUp(() => {
  gallery.clearCache();
  gallery.load();
});
gallery.setUp((answer) => answer.model && models.showCurrent(answer.model));
grid.setUp({ open: openAt, toggle: (index, event) => selection.toggle(index, { range: event.shiftKey }) });
scrubber.setUp();
selection.setUp();
lasso.setUp();
touch.setUp();
tagMany.setUp({ changed: gallery.clearCache });
actionBar.setUp({ removed, changed: gallery.clearCache });
header.setUp();
menu.setUp();
swipe.setUp({ step, close: viewer.close, neighbour: (by) => results.item(openIndex() + by) });
route.onChange(show);

// A plain fragment link would add an entry to the history.
$("skip").onclick = (event) => {
  event.preventDefault();
  $("pictures").focus();
};

translate(document);
route.start();
show({ restored: false });
api.currentModel().then(models.showCurrent, () => {});
