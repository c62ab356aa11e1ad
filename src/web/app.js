// The gallery. The address holds the query, and the page shows what the address says.

import * as api from "./api.js";
import * as bar from "./bar.js";
import { $ } from "./dom.js";
import * as drop from "./drop.js";
import * as duplicates from "./duplicates.js";
import * as filters from "./filters.js";
import * as gallery from "./gallery.js";
import * as grid from "./grid.js";
import * as key from "./key.js";
import * as line from "./line.js";
import * as models from "./models.js";
import * as problem from "./problem.js";
import { isBlank } from "./query.js";
import * as route from "./route.js";
import { say, translate } from "./say.js";
import * as suggest from "./suggest.js";
import * as uploads from "./uploads.js";
import * as viewer from "./viewer.js";

/** Shows the query of the address, and the image that the address opens. */
async function show({ restored }) {
  const query = route.query();
  if (viewer.isOpen() && query.open === null) viewer.close();
  if (gallery.isStale()) {
    bar.showQuery(query);
    filters.showQuery(query);
    const entry = route.entry();
    await gallery.load({ restored });
    // The reader may have changed the query while the results were loading.
    if (route.isPictureLost() && route.entry() === entry && !problem.isError()) problem.note("picture_lost");
  }
  if (query.open !== null && route.query().open === query.open) openById(query.open);
}

function open(image) {
  route.open(image.image_id, viewer.isOpen());
  const index = gallery.indexOf(image.image_id);
  viewer.open(image, { first: index <= 0, last: gallery.isLast(index) });
}

async function openById(id) {
  const index = gallery.indexOf(id);
  try {
    open(index >= 0 ? gallery.at(index) : await api.image(id));
  } catch (error) {
    problem.show(error);
    route.close();
  }
}

/** Closes the large view and shows another query. */
function leaveFor(change, pictures) {
  route.navigate(change, pictures);
  viewer.close();
  duplicates.close();
  $("pictures").focus({ preventScroll: true });
}

/** Removes a deleted picture wherever it is shown. */
function removed(image) {
  gallery.remove(image.image_id);
  duplicates.removeImage(image.image_id);
  gallery.announce(() => say("removed", { name: image.file_name }));
}

viewer.setUp({
  async step(by) {
    const image = await gallery.imageAt(gallery.indexOf(route.query().open) + by);
    if (image && viewer.isOpen()) open(image);
  },
  closed(image) {
    route.close();
    grid.focus(gallery.indexOf(image.image_id), { preventScroll: true });
  },
  similar(image) {
    leaveFor({ like: [image.image_id], text: "" }, []);
  },
  include(image) {
    leaveFor({ like: [...new Set([...route.query().like, image.image_id])] });
  },
  same(filter) {
    leaveFor({ text: "", like: [], negative: "", filter }, []);
  },
  removed(image) {
    viewer.close();
    removed(image);
  },
  changed: gallery.update,
});

uploads.setUp({
  done(created) {
    if (!created) return;
    gallery.clearCache();
    if (isBlank(route.query()) && !viewer.isOpen()) gallery.prependNew(created);
  },
  open,
});

key.setUp();
bar.setUp(problem.note, viewer.close);
suggest.setUp();
line.setUp((text) => route.navigate({ text }));
filters.setUp();
duplicates.setUp({ open, removed });
drop.setUp(bar.searchByFiles, uploads.add);
models.setUp(() => {
  gallery.clearCache();
  gallery.load();
});
gallery.setUp((answer) => answer.model && models.showCurrent(answer.model));
grid.setUp(open);
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
