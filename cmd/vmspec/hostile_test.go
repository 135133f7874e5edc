package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/probes"
	"vmspec/probes/fdt"
	"vmspec/probes/fdt/fdttest"
	"vmspec/probes/guest"
	"vmspec/probes/guest/guesttest"
	"vmspec/results"
	"vmspec/results/report"
	"vmspec/suite"
)

// payloads are what a VM may call itself. Each is to arrive as text, wherever it is
// display.
var payloads = []string{
	`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `' onmouseover='alert(1)`, `</style></textarea></pre></details><h1>x`,
	`javascript:alert(1)`, `https://evil.example/a?b=c&d`, `www.evil.example`, `data:text/html;base64,PHNjcmlwdD4=`, `<!--`, `&lt;b&gt;&#60;`, `{{.Tool}}`,
	`[x](javascript:alert(1))`, `![x](https://evil.example/x.png)`, `<https://evil.example>`, "`code` ``more`` **bold** _it_", "```", `\`, `\|a|b`, `| a | b |`,
	`# heading`, `- item`, `1. item`, `> quote`, `~~~`, `---`, `@someone #1 :smile: x@evil.example`, `[^1]: note`, `[a]: https://evil.example`, `$x$ $$y$$`,
	`::error file=x,line=1::forged`, `::set-output name=x::forged`, `::stop-commands::x`, `##[error]forged`, `##[set-output name=x;]forged`, `##vso[task.complete result=Failed;]`, `##teamcity[x]`,
	"%0A::error::forged", "a\n::error::forged", "a\r\n::error::forged", `${{ github.token }}`,
	`]]>`, `]]><failure/>`, `]]]]><![CDATA[>`, `<?xml version="1.0"?>`, `<!DOCTYPE x [<!ENTITY a "b">]>&a;`,
	"a\nok 999 - FW-FORGED forged", "a\nnot ok 999 - FW-FORGED forged\n  ---", "a\n# vmspec: end points=1 sha256=0 nonce=-", "a # SKIP b # TODO",
	"a\x1b[2J\x1b]0;t\x07b", "a\x00\x01\x08\x7fb", "a\u009b31m\u0085b", "a\u202egnp\u2066\u200fb", "a\u2028b\u2029c", "a\xff\xfe\xc0\xafb", "a\ufffe\ufdd0\U0010ffff", "a\ufeffb",
	strings.Repeat("x", 4000), strings.Repeat("::error::x ", 100), strings.Repeat("#", 500),
}

// hostileGuest is a captured guest whose strings are a payload: SMBIOS's vendor, the
// firmware's, the tree's model and compatible, and the kernel's log.
func hostileGuest(t *testing.T, payload string) *guest.FS {
	t.Helper()
	files := guesttest.Open(t, "qemu-virt-uefi-devices")
	data, err := files.ReadFile(fdt.Path)
	require.NoError(t, err)
	tree, err := fdt.Parse(data)
	require.NoError(t, err)
	inTree := append([]byte(strings.ReplaceAll(payload, "\x00", "")), 0)
	fdttest.Set(tree.Root, "model", inTree)
	fdttest.Set(tree.Root, "compatible", inTree)
	log, err := files.ReadFile("vmspec/kmsg")
	require.NoError(t, err)
	log = fmt.Appendf(log, "[    1.000000] virtio_blk virtio2: virtio: device refuses features: %s\n", payload)
	efi, err := files.ReadFile("vmspec/efi")
	require.NoError(t, err)
	efi = bytes.Replace(efi, []byte(`vendor "EDK II"`), fmt.Appendf(nil, "vendor %q", payload), 1)
	return files.With(map[string][]byte{
		fdt.Path: fdttest.Encode(tree), "vmspec/kmsg": log, "vmspec/efi": efi,
		"sys/class/dmi/id/sys_vendor":           []byte(payload + "\n"),
		"sys/bus/virtio/devices/virtio2/status": []byte("0x00000083\n"),
	})
}

// A display is what a format makes of a payload: what its own reader takes for
// text, and the skeleton, which no text may change.
type display struct {
	text     string
	skeleton string
	raw      string
}

// asText are the formats, each with an independent reader of it.
var asText = map[string]func(*testing.T, string) display{
	"tap": shownTAP, "text": shownText, "json": shownJSON, "junit": shownJUnit, "html": shownHTML, "markdown": shownMarkdown, "github": shownGitHub,
}

// What a guest calls itself arrives as text in each format, and moves nothing.
func TestPayloadsArriveAsText(t *testing.T) {
	eachPayload(t, func(t *testing.T, payload string) (results.Report, map[string][]string) {
		log := written(suite.Judge(probes.Read(hostileGuest(t, payload))).Report().TAP())
		report, err := results.Parse(strings.NewReader(log), "")
		require.NoError(t, err)
		require.NoError(t, report.Incomplete)
		smbios, _ := report.Point("FW-SMBIOS")
		require.Contains(t, dense(smbios.Found), dense(strings.TrimSpace(string([]rune(payload)))))
		return *report, arrived(report)
	})
}

// A guest need not be ours: everything that a report may say is forged.
func TestForgedReportsArriveAsText(t *testing.T) { eachPayload(t, forged) }

// FuzzForgedReports looks for a text that is more than that in any format.
func FuzzForgedReports(f *testing.F) {
	for _, payload := range payloads {
		f.Add(payload)
	}
	f.Fuzz(func(t *testing.T, payload string) {
		if strings.TrimSpace(results.Visible(payload)) != "" { // else a line is left out
			t.Setenv(stepSummary, "")
			requireText(t, payload, displays(t, "harmless", forged), forged)
		}
	})
}

// A maker makes a report of a payload, and says what is to arrive of it in each
// format; nil where the format has no lines of its own.
type maker func(t *testing.T, payload string) (results.Report, map[string][]string)

func forged(_ *testing.T, payload string) (results.Report, map[string][]string) {
	r := results.Report{Report: report.Report{
		Head:     report.Head{Version: payload, Catalogue: payload, Profile: payload, Arch: payload, Nonce: payload},
		Problems: []string{payload},
		Points: []results.Point{
			{Number: 1, ID: "FW-ONE", Title: payload, Verdict: results.Fail, Level: report.Must, Clause: payload, Kind: payload, Problem: payload, Found: payload, Fix: payload, Boot: payload},
			{Number: 2, ID: "FW-TWO", Title: payload, Verdict: results.Fail, Level: report.Level("!" + payload), Clause: "rfc-v2 !" + payload + " 1", Problem: payload, Follows: payload},
			{Number: 3, ID: "FW-THREE", Title: payload, Verdict: results.Error, Level: report.Must, Reason: payload},
			{Number: 4, ID: "FW-FOUR", Title: payload, Verdict: results.Skip, Level: report.May, Reason: payload},
		},
		Verdict: results.NotConformant,
	}, Prefix: payload, Repaired: payload, Source: payload, Observed: []string{payload}}
	visible := []string{results.Visible(payload)}
	return r, map[string][]string{
		"json": {string([]rune(payload))}, "junit": visible, "html": visible, "markdown": visible, "github": visible, "text": {results.OneLine(payload)},
	}
}

// eachPayload requires of each payload that it arrives as text.
func eachPayload(t *testing.T, made maker) {
	t.Setenv(stepSummary, "")
	plain := displays(t, "harmless", made)
	for _, payload := range payloads {
		requireText(t, payload, plain, made)
	}
}

// requireText compares a payload's report in each format with that of a harmless
// text: what the payload says is there, and nothing else has changed.
func requireText(t *testing.T, payload string, plain map[string]display, made maker) {
	_, texts := made(t, payload)
	for format, got := range displays(t, payload, made) {
		require.Equal(t, plain[format].skeleton, got.skeleton, "%s %q", format, payload)
		require.NotContains(t, got.raw, "##[", "%s %q", format, payload)
		require.NotContains(t, got.raw, "##vso", "%s %q", format, payload)
		for _, text := range texts[format] {
			require.NotEmpty(t, text)
			require.Contains(t, dense(got.text), dense(text), "%s %q", format, payload)
		}
	}
}

// displays are a payload's report in each format.
func displays(t *testing.T, payload string, made maker) map[string]display {
	first, texts := made(t, payload)
	out := map[string]display{}
	for format, read := range asText {
		if texts[format] == nil {
			continue
		}
		var b bytes.Buffer
		o, r := outputFlags{format: format, verbose: true}, first
		require.ErrorAs(t, o.finish(&b, "vm", &r), new(verdict), "%s %q", format, payload)
		d := read(t, b.String())
		d.raw = b.String()
		out[format] = d
	}
	return out
}

// arrived are what each format is to show: what the guest's own report says of the
// kernel's line and, where what passed is shown, of SMBIOS; made visible.
func arrived(r *results.Report) map[string][]string {
	status, _ := r.Point("PLAT-VIRTIO-STATUS")
	smbios, _ := r.Point("FW-SMBIOS")
	raw := []string{status.Problem, smbios.Found}
	visible := []string{results.Visible(status.Problem), results.Visible(smbios.Found)}
	return map[string][]string{
		"tap": raw, "json": raw, "text": {results.OneLine(status.Problem), results.OneLine(smbios.Found)},
		"junit": visible, "html": visible, "markdown": visible[:1], "github": visible[:1],
	}
}
