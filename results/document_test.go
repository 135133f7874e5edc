package results_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"vmspec/results"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// document reads a log as report does.
func document(t *testing.T, names ...string) *results.Document {
	t.Helper()
	doc := &results.Document{Tool: "vmspec 0.0.0"}
	for _, name := range names {
		data, err := os.ReadFile(filepath.Join("testdata", name))
		require.NoError(t, err)
		var p results.Parser
		excerpts := &results.Excerpts{}
		require.NoError(t, results.EachLine(bytes.NewReader(data), func(line string) {
			p.Line(line)
			excerpts.Take(line)
		}))
		r, err := p.Report()
		require.NoError(t, err)
		doc.Entries = append(doc.Entries, results.Entry{Name: filepath.Base(name), File: name, Report: r, Excerpts: excerpts})
	}
	return doc
}

// writers are the formats by the endings of their files.
var writers = map[string]func(*results.Document, *bytes.Buffer) error{
	"json": func(d *results.Document, w *bytes.Buffer) error { return d.JSON(w) },
	"xml":  func(d *results.Document, w *bytes.Buffer) error { return d.JUnit(w) },
	"md":   func(d *results.Document, w *bytes.Buffer) error { return d.Markdown(w) },
	"html": func(d *results.Document, w *bytes.Buffer) error { return d.HTML(w) },
	"github": func(d *results.Document, w *bytes.Buffer) error {
		return d.Annotations(w)
	},
	"txt": func(d *results.Document, w *bytes.Buffer) error {
		w.WriteString(results.Text{Name: d.Entries[0].Name}.Of(d.Entries[0].Report))
		return nil
	},
}

// One log in each format, to be looked at.
func TestGoldenFormats(t *testing.T) {
	for ending, write := range writers {
		t.Run(ending, func(t *testing.T) {
			var got bytes.Buffer
			require.NoError(t, write(document(t, "qemu-virt-gicv2.tap"), &got))
			golden := filepath.Join("testdata", "formats", "qemu-virt-gicv2."+ending)
			if *update {
				require.NoError(t, os.WriteFile(golden, got.Bytes(), 0o644))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			require.Equal(t, string(want), got.String())
		})
	}
}

// strictSchema is the schema with no room for a field that it does not describe.
func strictSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	loose, err := jsonschema.UnmarshalJSON(bytes.NewReader(results.Schema))
	require.NoError(t, err)
	tighten(loose)
	c := jsonschema.NewCompiler()
	require.NoError(t, c.AddResource(results.SchemaID, loose))
	schema, err := c.Compile(results.SchemaID)
	require.NoError(t, err)
	return schema
}

func tighten(value any) {
	switch v := value.(type) {
	case map[string]any:
		if _, ok := v["properties"]; ok {
			v["additionalProperties"] = false
		}
		for _, inner := range v {
			tighten(inner)
		}
	case []any:
		for _, inner := range v {
			tighten(inner)
		}
	}
}

func validate(t *testing.T, schema *jsonschema.Schema, doc *results.Document) map[string]any {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, doc.JSON(&out))
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(out.Bytes()))
	require.NoError(t, err)
	require.NoError(t, schema.Validate(value))
	require.Negative(t, strings.IndexFunc(out.String(), func(c rune) bool { return c != '\n' && (c < ' ' || c > '~') }))
	return value.(map[string]any)
}

func TestJSONIsAsItsSchemaSays(t *testing.T) {
	schema := strictSchema(t)
	logs := []string{"qemu-virt-gicv2.tap", "qemu-virt-uefi-gicv3.tap", "qemu-virt-uefi.log", "wrong-parameter.tap"}
	for _, pattern := range []string{"testdata/logs/xen*.log", "testdata/logs/*.tap"} {
		found, err := filepath.Glob(pattern)
		require.NoError(t, err)
		require.NotEmpty(t, found)
		for _, name := range found {
			logs = append(logs, strings.TrimPrefix(name, "testdata/"))
		}
	}
	for _, name := range logs {
		t.Run(name, func(t *testing.T) { validate(t, schema, document(t, name)) })
	}

	all := document(t, "qemu-virt-uefi-gicv3.tap", "qemu-virt-gicv2.tap")
	all.Entries = append(all.Entries, results.Entry{Name: "none", Why: "no report in the log, 3 lines"})
	got := validate(t, schema, all)
	require.Equal(t, "not-conformant", got["verdict"])
	require.Equal(t, json.Number("1"), got["exit_status"])
	require.Len(t, got["reports"], 3)

	all.Entries = all.Entries[2:]
	require.Equal(t, "could-not-tell", validate(t, schema, all)["verdict"])
	require.Equal(t, "could-not-tell", validate(t, schema, &results.Document{})["verdict"])
}

func TestJSONOfAMerge(t *testing.T) {
	var boots []results.Boot
	for _, e := range document(t, "qemu-virt-uefi-gicv3.tap", "qemu-virt-gicv2.tap").Entries {
		boots = append(boots, results.Boot{Name: e.Name, Report: e.Report})
	}
	merged, err := results.MergeOf(boots...).By("rfc-v2")
	require.NoError(t, err)
	doc := &results.Document{Entries: []results.Entry{{Name: "farm", Report: &merged.Report, Merged: merged}}}
	r := validate(t, strictSchema(t), doc)["reports"].([]any)[0].(map[string]any)
	require.Len(t, r["boots"], 2)
	for _, p := range r["points"].([]any) {
		require.Contains(t, p, "boot")
	}
}

// The schema would find a word that is wrong.
func TestSchemaRefuses(t *testing.T) {
	schema := strictSchema(t)
	for name, change := range map[string]func(map[string]any){
		"another version":  func(v map[string]any) { v["version"] = 2 },
		"no verdict":       func(v map[string]any) { delete(v, "verdict") },
		"an unknown field": func(v map[string]any) { v["more"] = 1 },
		"an outcome":       func(v map[string]any) { firstPoint(v)["outcome"] = "fine" },
		"an ID":            func(v map[string]any) { firstPoint(v)["id"] = "fw-rtc" },
	} {
		value := validate(t, schema, document(t, "qemu-virt-gicv2.tap"))
		change(value)
		require.Error(t, schema.Validate(value), name)
	}
}

func firstPoint(v map[string]any) map[string]any {
	return v["reports"].([]any)[0].(map[string]any)["points"].([]any)[0].(map[string]any)
}

// Of several reports the worst counts, and one that is missing is no pass.
func TestWorstVerdict(t *testing.T) {
	conformant, not := document(t, "qemu-virt-uefi-gicv3.tap").Entries[0], document(t, "qemu-virt-gicv2.tap").Entries[0]
	lost := results.Entry{Name: "lost", Why: "no report in the log"}
	for want, entries := range map[results.Conformance][]results.Entry{
		results.Conformant:    {conformant},
		results.CouldNotTell:  {conformant, lost},
		results.NotConformant: {lost, not, conformant},
	} {
		doc := results.Document{Entries: entries}
		require.Equal(t, want, doc.Verdict())
	}
	strict := results.Document{Strict: true, Entries: []results.Entry{conformant}}
	require.Equal(t, results.NotConformant, strict.Verdict(), "a recommendation is missed")
}
