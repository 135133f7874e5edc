
(function () {
  'use strict';
  document.documentElement.classList.add('js');
  var rows = Array.from(document.querySelectorAll('tr.point'));
  var search = document.getElementById('search');
  var boxes = Array.from(document.querySelectorAll('input[name=outcome]'));
  var status = document.getElementById('shown');

  function detail(row) { return row.nextElementSibling; }
  function isOpen(row) { return row.querySelector('.fold').getAttribute('aria-expanded') === 'true'; }
  function fold(row, open) {
    row.querySelector('.fold').setAttribute('aria-expanded', String(open));
    detail(row).hidden = !open || row.hidden;
  }

  // A row is shown if one of its outcomes is chosen, and all words that are searched
  // stand in it or its details.
  function filter() {
    var words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    var chosen = boxes.filter(function (b) { return b.checked; }).map(function (b) { return b.value; });
    var shown = 0;
    rows.forEach(function (row) {
      var outcomes = row.dataset.outcomes.split(' ');
      var text = (row.textContent + ' ' + detail(row).textContent).toLowerCase();
      row.hidden = !outcomes.some(function (o) { return chosen.indexOf(o) >= 0; }) ||
        !words.every(function (w) { return text.indexOf(w) >= 0; });
      detail(row).hidden = row.hidden || !isOpen(row);
      shown += row.hidden ? 0 : 1;
    });
    document.querySelectorAll('section.chapter').forEach(function (s) {
      s.hidden = !s.querySelector('tr.point:not([hidden])');
    });
    status.textContent = shown + ' of ' + rows.length + ' requirements shown';
  }

  // A link to a requirement shows and unfolds it, whatever is filtered.
  function follow() {
    var id = location.hash.slice(1);
    var row = id && document.getElementById(id);
    if (!row || rows.indexOf(row) < 0) { return; }
    if (row.hidden) {
      search.value = '';
      boxes.forEach(function (b) { b.checked = true; });
      filter();
    }
    rows.forEach(function (r) { r.classList.toggle('chosen', r === row); });
    fold(row, true);
    row.scrollIntoView({ block: 'center' });
    row.querySelector('.fold').focus({ preventScroll: true });
  }

  rows.forEach(function (row) {
    fold(row, false);
    row.querySelector('.fold').addEventListener('click', function () { fold(row, !isOpen(row)); });
  });
  document.getElementById('unfold').addEventListener('click', function () { rows.forEach(function (r) { fold(r, true); }); });
  document.getElementById('refold').addEventListener('click', function () { rows.forEach(function (r) { fold(r, false); }); });
  search.addEventListener('input', filter);
  boxes.forEach(function (b) { b.addEventListener('change', filter); });
  window.addEventListener('hashchange', follow);
  filter();
  follow();
})();
