// The table first, then the pictures in sight, the others when they come into sight; all again when the theme turns.

const pictures = [
  { id: 'triangle', build: buildTriangle, draw: drawTriangle, select: drawTriangle },
  { id: 'scatter', build: buildScatter, draw: drawScatter, select: selectionInScatter },
  { id: 'parallel', build: buildParallel, draw: drawParallel, select: selectionInParallel },
  { id: 'histogram', draw: drawHistograms, select: drawHistograms },
].filter((each) => element(each.id) && (!each.build || each.build() !== false));

const nextFrame = () => new Promise((resolve) => { requestAnimationFrame(() => setTimeout(resolve)); });
const stamp = (name) => { document.documentElement.dataset[name] = String(Math.round(performance.now())); };

async function draw(picture) {
  if (picture.drawn) return;
  picture.drawn = true;
  await picture.draw();
  element(picture.id).dataset.drawn = 'yes';
}

function drawInSight() {
  const sight = new IntersectionObserver((seen) => {
    for (const entry of seen.filter((each) => each.isIntersecting)) {
      sight.unobserve(entry.target);
      draw(pictures.find((each) => each.id === entry.target.id));
    }
  }, { rootMargin: '600px' });
  for (const picture of pictures) sight.observe(element(picture.id));
}

// The library is large: it is read once the text and the table stand there.
function readLibrary() {
  const script = document.createElement('script');
  script.textContent = element('library').textContent;
  document.head.append(script);
}

async function open() {
  buildTable();
  selection.listeners.push(selectionInTable, (source) => {
    for (const picture of pictures) if (picture.drawn) picture.select(source);
  });
  element('clear-selection').addEventListener('click', () => selection.set(null, 'bar'));
  document.addEventListener('keydown', (event) => {
    if (event.key === 'Escape' && selection.rows !== null) selection.set(null, 'bar');
  });
  await nextFrame();
  stamp('usable');
  readLibrary();
  await nextFrame();
  for (const picture of pictures) {
    if (element(picture.id).getBoundingClientRect().top < window.innerHeight) await draw(picture);
  }
  await nextFrame();
  stamp('opened');
  drawInSight();
  darkTheme.addEventListener('change', () => {
    for (const picture of pictures) if (picture.drawn) picture.draw();
  });
}

open();
