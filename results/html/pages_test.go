//go:build pages

// Package html_test looks at the pages in a browser. make pages runs it.
package html_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"vmspec/results"
)

// axe is the file of axe-core, and shots where pictures of the pages are left.
var axe, shots = os.Getenv("VMSPEC_AXE"), os.Getenv("VMSPEC_SHOTS")

// read reads a log.
func read(t *testing.T, name string) results.Entry {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "testdata", name))
	require.NoError(t, err)
	var p results.Parser
	x := &results.Excerpts{}
	require.NoError(t, results.EachLine(bytes.NewReader(data), func(line string) { p.Line(line); x.Take(line) }))
	r, err := p.Report()
	require.NoError(t, err)
	return results.Entry{Name: name, File: name, Report: r, Excerpts: x}
}

// byAll is a log's verdict by each profile.
func byAll(t *testing.T, name string) (entries []results.Entry) {
	t.Helper()
	for _, profile := range []string{"rfc-v2", "v1.0", "v2.0"} {
		e := read(t, name)
		r, err := e.Report.By(profile)
		require.NoError(t, err)
		e.Report = r
		entries = append(entries, e)
	}
	return entries
}

// hostile is a report that says script wherever it may say something.
func hostile(t *testing.T) results.Entry {
	const payload = `"><img src=x onerror=alert(1)><script>alert(2)</script></script><svg onload=alert(3)>` + "' onfocus='alert(4)' javascript:alert(5)"
	e := read(t, "qemu-virt-gicv2.tap")
	e.Name, e.File, e.Report.Profile, e.Report.Observed = payload, payload, payload, []string{payload}
	for i := range e.Report.Points {
		p := &e.Report.Points[i]
		p.Title, p.Problem, p.Found, p.Fix, p.Clause, p.Reason, p.Boot = payload, payload, payload, payload, payload, payload, payload
	}
	return e
}

// pages are those that are looked at.
func pages(t *testing.T) map[string][]results.Entry {
	failed := read(t, "logs/consoles-64.log")
	many := []results.Entry{read(t, "qemu-virt-uefi-gicv3.tap"), {Name: "lost.log", Why: "no report in the log, 12 lines"}}
	for n := range 4 {
		e := read(t, "qemu-virt-gicv2.tap")
		e.Name = fmt.Sprintf("farm/node-%d/console.log", n)
		many = append(many, e)
	}
	return map[string][]results.Entry{
		"one": {failed}, "profiles": byAll(t, "qemu-virt-uefi.log"), "many": many, "hostile": {hostile(t)},
		"nothing": {{Name: "lost.log", Why: "no report in the log, 12 lines"}},
	}
}

// A browser is a tab, and what it complained of.
type browser struct {
	ctx   context.Context
	lock  sync.Mutex
	wrong []string
	site  bool // its pages lead to each other
}

func open(t *testing.T, entries []results.Entry) *browser {
	t.Helper()
	file := filepath.Join(t.TempDir(), "page.html")
	var out bytes.Buffer
	require.NoError(t, (&results.Document{Tool: "vmspec 0.0.0", Entries: entries}).HTML(&out))
	require.NoError(t, os.WriteFile(file, out.Bytes(), 0o644))
	return openFile(t, file)
}

// openFile opens a page that lies in a file.
func openFile(t *testing.T, file string) *browser {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox)
	if path := os.Getenv("CHROMIUM"); path != "" {
		options = append(options, chromedp.ExecPath(path))
	}
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, 10*time.Minute)
	t.Cleanup(cancel)
	b := &browser{ctx: ctx, site: strings.Contains(file, "/site/")}
	require.NoError(t, chromedp.Do(ctx, chromedp.Navigate("about:blank")))
	require.NoError(t, call(ctx, log.Enable, cdp.Empty{}))
	require.NoError(t, call(ctx, network.Enable, network.EnableParams{}))
	require.NoError(t, chromedp.Listen(ctx, func(event any) { b.take(event, file) }))
	b.do(t, chromedp.Navigate("file://"+file))
	return b
}

func call[P, R any](ctx context.Context, cmd cdp.Command[P, R], params P) error {
	_, err := chromedp.Call(ctx, cmd, params)
	return err
}

// take notes what a page may not do: complain, ask for anything, or run a guest's
// script.
func (b *browser) take(event any, file string) {
	b.lock.Lock()
	defer b.lock.Unlock()
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		b.wrong = append(b.wrong, "exception: "+e.ExceptionDetails.Text)
	case *runtime.EventConsoleAPICalled:
		b.wrong = append(b.wrong, fmt.Sprintf("console: %s", e.Type))
	case *log.EventEntryAdded:
		b.wrong = append(b.wrong, "log: "+e.Entry.Text)
	case *page.EventJavascriptDialogOpening:
		b.wrong = append(b.wrong, "dialog: "+e.Message)
	case *network.EventRequestWillBeSent:
		if !strings.HasPrefix(e.Request.URL, "file://"+b.folder(file)) && !strings.HasPrefix(e.Request.URL, "data:,") {
			b.wrong = append(b.wrong, "request: "+e.Request.URL)
		}
	}
}

// folder is where the pages lie that a page may lead to: a report stands alone.
func (b *browser) folder(file string) string {
	if b.site {
		return strings.SplitAfter(file, "/site/")[0]
	}
	return file
}

// sound requires that the page did none of it.
func (b *browser) sound(t *testing.T) {
	t.Helper()
	b.lock.Lock()
	defer b.lock.Unlock()
	require.Empty(t, b.wrong)
}

func (b *browser) do(t *testing.T, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	require.NoError(t, chromedp.Do(b.ctx, steps...))
}

// view sets the size of the window, and light or dark.
func (b *browser) view(t *testing.T, width int64, scheme string) {
	t.Helper()
	b.do(t, chromedp.EmulateViewport(width, 900))
	require.NoError(t, call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	}))
}

// value evaluates an expression.
func value[T any](t *testing.T, b *browser, expression string) T {
	t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression))
	require.NoError(t, err, expression)
	return v
}

const (
	shownRows = `document.querySelectorAll('tr.point:not([hidden])').length`
	allRows   = `document.querySelectorAll('tr.point').length`
	openRows  = `Array.from(document.querySelectorAll('tr.detail')).filter(d => d.offsetParent !== null).length`
)

// Each page at both sizes, light and dark, folded and not: no error, no request, no
// violation of accessibility, nothing wider than the window.
func TestPages(t *testing.T) {
	source, err := os.ReadFile(axe)
	require.NoError(t, err, "VMSPEC_AXE names axe-core's file: make pages does")
	inject := string(source) + "; true"
	for name, entries := range pages(t) {
		t.Run(name, func(t *testing.T) {
			b := open(t, entries)
			b.sound(t)
			require.True(t, value[bool](t, b, inject))
			b.looks(t, name)
			if name != "nothing" {
				b.do(t, chromedp.Click("#unfold"))
				require.Equal(t, value[int](t, b, allRows), value[int](t, b, openRows))
				b.looks(t, name+"-unfolded")
				b.do(t, chromedp.Click("#refold"))
				require.Zero(t, value[int](t, b, openRows))
			}
			b.sound(t)
		})
	}
}

// A violation is one that axe found.
type violation struct {
	ID    string `json:"id"`
	Help  string `json:"help"`
	Nodes []struct {
		HTML    string `json:"html"`
		Summary string `json:"failureSummary"`
	} `json:"nodes"`
}

// looks looks at a page at each size, light and dark.
func (b *browser) looks(t *testing.T, name string) {
	t.Helper()
	for _, width := range []int64{1280, 390} {
		for _, scheme := range []string{"light", "dark"} {
			b.view(t, width, scheme)
			b.look(t, fmt.Sprintf("%s-%d-%s", name, width, scheme), width)
		}
	}
}

// look requires that a page is accessible and fits, and leaves a picture of it.
func (b *browser) look(t *testing.T, name string, width int64) {
	t.Helper()
	require.LessOrEqual(t, value[int64](t, b, `document.documentElement.scrollWidth`), width, name)
	if shots != "" {
		picture, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(shots, name+".png"), picture, 0o644))
	}
	found, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](
		`axe.run({resultTypes: ['violations']}).then(r => JSON.stringify(r.violations))`, chromedp.EvalAwaitPromise))
	require.NoError(t, err)
	var violations []violation
	require.NoError(t, json.Unmarshal([]byte(found), &violations))
	require.Empty(t, violations, name)
}

func TestFilterAndSearch(t *testing.T) {
	b := open(t, []results.Entry{read(t, "logs/consoles-64.log")})
	all := value[int](t, b, allRows)
	require.Equal(t, 53, all)
	require.Equal(t, all, value[int](t, b, shownRows))

	b.do(t, chromedp.Click(`input[value=skipped]`), chromedp.Click(`input[value=passed]`))
	require.Equal(t, 8, value[int](t, b, shownRows), "4 failed, 3 missed, 1 noted")
	require.Equal(t, "8 of 53 requirements shown", value[string](t, b, `document.getElementById('shown').textContent`))

	b.do(t, chromedp.SendKeys("#search", "rtc GetTime"))
	require.Equal(t, 1, value[int](t, b, shownRows))
	require.Equal(t, 1, value[int](t, b, `document.querySelectorAll('section.chapter:not([hidden])').length`))
	b.do(t, chromedp.SendKeys("#search", " nowhere"))
	require.Zero(t, value[int](t, b, shownRows))
	b.sound(t)
}

// A key unfolds what has the focus, as a click does.
func TestUnfoldByKeyboard(t *testing.T) {
	b := open(t, []results.Entry{read(t, "logs/consoles-64.log")})
	const fold = `#FW-RTC .fold`
	opened := `document.querySelector('#FW-RTC .fold').getAttribute('aria-expanded') + document.getElementById('FW-RTC.detail').hidden`
	require.Equal(t, "falsetrue", value[string](t, b, opened))
	b.do(t, chromedp.Focus(fold), chromedp.KeyEvent("\r"))
	require.Equal(t, "truefalse", value[string](t, b, opened))
	require.Contains(t, value[string](t, b, `document.getElementById('FW-RTC.detail').innerText`), "not ok 19 - FW-RTC")
	b.do(t, chromedp.KeyEvent(" "))
	require.Equal(t, "falsetrue", value[string](t, b, opened))
	b.do(t, chromedp.Click(fold))
	require.Equal(t, "truefalse", value[string](t, b, opened))

	// The first key leads past the verdicts.
	b.do(t, chromedp.Navigate(value[string](t, b, `location.href`)), chromedp.KeyEvent("\t"))
	require.Equal(t, "Skip to the requirements", value[string](t, b, `document.activeElement.textContent`))
}

// A permalink opens its requirement, in a new tab and in this one, whatever is
// filtered.
func TestPermalink(t *testing.T) {
	b := open(t, []results.Entry{read(t, "logs/consoles-64.log")})
	address := value[string](t, b, `location.href`)
	b.do(t, chromedp.Click(`#FW-RTC .permalink`))
	require.Equal(t, "#FW-RTC", value[string](t, b, `location.hash`))
	require.Equal(t, 1, value[int](t, b, openRows))

	b.do(t, chromedp.SendKeys("#search", "nowhere"))
	require.Zero(t, value[int](t, b, shownRows))
	b.do(t, chromedp.Click(`.card a[href="#FW-UEFI-BOOT"]`))
	require.Equal(t, "FW-UEFI-BOOT", value[string](t, b, `document.querySelector('tr.chosen').id`))
	require.Equal(t, 53, value[int](t, b, shownRows))

	b.do(t, chromedp.Navigate("about:blank"), chromedp.Navigate(address+"#PLAT-GIC"))
	require.Equal(t, 1, value[int](t, b, openRows))
	require.True(t, value[bool](t, b, `document.getElementById('PLAT-GIC').getBoundingClientRect().top < innerHeight`))
	b.do(t, chromedp.Navigate("about:blank"), chromedp.Navigate(address+"#%<script>"))
	require.Zero(t, value[int](t, b, openRows))
}

// Without scripts all is unfolded, and what needs one is not there.
func TestWithoutScripts(t *testing.T) {
	b := open(t, []results.Entry{read(t, "logs/consoles-64.log")})
	require.NoError(t, call(b.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}))
	b.do(t, chromedp.Reload())
	require.Equal(t, 53, value[int](t, b, openRows))
	require.Equal(t, "none", value[string](t, b, `getComputedStyle(document.querySelector('.tools')).display`))
}

// On a narrow page, too, a permalink stands beside its requirement's first line.
func TestPermalinkBeside(t *testing.T) {
	b := open(t, []results.Entry{read(t, "logs/consoles-64.log")})
	for _, width := range []int64{390, 1280} {
		b.view(t, width, "light")
		b.do(t, chromedp.ScrollIntoView(`#FW-RTC`))
		require.Zero(t, value[int](t, b, `Array.from(document.querySelectorAll('tr.point')).filter(r =>
			r.querySelector('.permalink').getBoundingClientRect().top - r.getBoundingClientRect().top > 16).length`), width)
		if shots != "" {
			picture, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(filepath.Join(shots, fmt.Sprintf("table-%d.png", width)), picture, 0o644))
		}
	}
}
