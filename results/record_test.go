package results_test

import (
	"encoding/json"
	"fmt"
	"html"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/results"
)

// recorded is a log as tools keep it that write a record for each line.
var recorders = []struct {
	name   string
	record func(line string) string // of a line without its end
}{
	{"LAVA", func(l string) string {
		return fmt.Sprintf(`- {"dt": "2026-11-25T06:50:01.123456", "lvl": "target", "msg": %s}`, quoted(l))
	}},
	{"LAVA, plain YAML", func(l string) string {
		return fmt.Sprintf(`- {dt: '2026-11-25T06:50:01.123456', lvl: target, msg: '%s'}`, strings.ReplaceAll(l, "'", "''"))
	}},
	{"LAVA, escapes of YAML", func(l string) string {
		return fmt.Sprintf(`- {"dt": "2026-11-25T06:50:01.123456", "lvl": "target", "ns": "vm1", "msg": "\x1b[0m\e[1m%s"}`, quoted(l)[1:len(quoted(l))-1])
	}},
	{"docker", func(l string) string {
		return fmt.Sprintf(`{"log":%s,"stream":"stdout","time":"2026-11-25T06:50:01.123456789Z"}`, quoted(l+"\r\n"))
	}},
	{"docker, HTML's characters as they are", func(l string) string {
		return fmt.Sprintf(`{"stream":"stdout","log":"%s"}`, strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(l)+`\n`)
	}},
	{"journald", func(l string) string {
		return fmt.Sprintf(`{"__REALTIME_TIMESTAMP":"1764456789000000","_HOSTNAME":"host","SYSLOG_IDENTIFIER":"vm1","MESSAGE":%s,"_PID":"812","PRIORITY":"6"}`, quoted(l))
	}},
	{"journald, bytes", func(l string) string {
		return `{"MESSAGE":` + strings.Join(strings.Fields(fmt.Sprint([]byte("\x1b[0m"+l))), ",") + `}`
	}},
	{"journald, pretty", func(l string) string {
		return "{\n\t\"_PID\" : \"812\",\n\t\"MESSAGE\" : " + quoted(l) + ",\n\t\"PRIORITY\" : \"6\"\n}"
	}},
	{"go test -json", func(l string) string {
		return fmt.Sprintf(`{"Time":"2026-11-25T06:50:01.123456789+01:00","Action":"output","Package":"example.com/vm","Test":"TestVM","Output":%s}`, quoted(l+"\n"))
	}},
	{"asciinema", func(l string) string { return fmt.Sprintf(`[1.234567, "o", %s]`, quoted(l+"\r\n")) }},
	{"a cloud's", func(l string) string {
		return fmt.Sprintf(`{"insertId":"x","jsonPayload":{"message":%s},"labels":{}}`, quoted(l))
	}},
	{"logfmt", func(l string) string {
		return `time=2026-11-25T06:50:01Z level=info vm=1 msg=` + quoted(l)
	}},
	{"HTML, escaped by Python", func(l string) string { return strings.ReplaceAll(html.EscapeString(l), "&#34;", "&quot;") }},
	{"HTML, escaped by Go", func(l string) string { return strings.ReplaceAll(html.EscapeString(l), "+", "&#43;") }},
}

func quoted(text string) string {
	out, _ := json.Marshal(text) // a string can always be written
	return string(out)
}

// read parses a log of records.
func read(t testing.TB, log string) *results.Parser {
	t.Helper()
	p := &results.Parser{}
	require.NoError(t, results.EachRecord(strings.NewReader(log), func(line string) { p.Line(line) }))
	return p
}

func recorded(log string, record func(string) string) string {
	var out strings.Builder
	for line := range strings.Lines(log) {
		out.WriteString(record(strings.TrimRight(line, "\r\n")) + "\n")
	}
	return out.String()
}

// A report in records is read as it is, and so is what is no record.
func TestRecords(t *testing.T) {
	log := guestLog(t)
	truth := parsed(t, log)
	cases := map[string]string{
		"no records":        log,
		"a page":            "<!DOCTYPE html>\n<html><body><pre>\n" + recorded(log, func(l string) string { return `<span class="l">` + html.EscapeString(l) + "</span>" }) + "</pre>",
		"a page in one pre": "<pre>" + html.EscapeString(log) + "</pre>\n",
	}
	for _, c := range recorders {
		cases[c.name] = recorded(log, c.record)
		cases[c.name+", CR LF"] = strings.ReplaceAll(cases[c.name], "\n", "\r\n")
	}
	for _, size := range []int{1, 7, 16, 1000, 100_000} {
		cases[fmt.Sprintf("asciinema in pieces of %d", size)] = cast(log, size)
	}
	cases["docker, in pieces"] = pieces(log, 50, func(text string) string { return fmt.Sprintf(`{"log":%s,"stream":"stdout"}`, quoted(text)) })
	for name, log := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := read(t, log).Report()
			require.NoError(t, err)
			require.NoError(t, r.Incomplete)
			require.Equal(t, truth.Lines, r.Lines)
			require.Empty(t, r.Repaired)
		})
	}
}

// cast is a recording of asciinema.
func cast(log string, size int) string {
	return `{"version": 2, "width": 80, "height": 24, "env": {"TERM": "xterm"}}` + "\n" +
		pieces(log, size, func(text string) string {
			return fmt.Sprintf(`[0.5, "o", %s]`, quoted(text)) + "\n" + `[0.6, "i", "x"]`
		})
}

func pieces(log string, size int, record func(string) string) string {
	var out strings.Builder
	for piece := range slices.Chunk([]byte(log), size) {
		out.WriteString(record(string(piece)) + "\n")
	}
	return out.String()
}

// Records name their sources.
func TestRecordsOfTwo(t *testing.T) {
	one, other := guestLog(t), secondLog(t)
	for name, record := range map[string]func(vm int, line string) string{
		"journald": func(vm int, l string) string {
			return fmt.Sprintf(`{"_HOSTNAME":"host","SYSLOG_IDENTIFIER":"qemu","_PID":"81%d","MESSAGE":%s}`, vm, quoted(l))
		},
		"go test -json": func(vm int, l string) string {
			half := len(l) / 2
			return fmt.Sprintf(`{"Action":"output","Test":"TestVM/%d","Output":%s}`+"\n"+`{"Action":"output","Test":"TestVM/%d","Output":%s}`,
				vm, quoted(l[:half]), vm, quoted(l[half:]+"\n"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := strings.Split(one, "\n"), strings.Split(other, "\n")
			var log strings.Builder
			for n := range max(len(a), len(b)) {
				for vm, lines := range [][]string{a, b} {
					if n < len(lines) {
						log.WriteString(record(vm, lines[n]) + "\n")
					}
				}
			}
			reports, traces := read(t, log.String()).Reports()
			require.Empty(t, traces)
			require.Len(t, reports, 2)
			require.NotEqual(t, reports[0].Source, reports[1].Source)
			require.Empty(t, reports[0].Repaired+reports[1].Repaired)
		})
	}
}

// What only looks like a record is a line.
func TestNoRecords(t *testing.T) {
	for _, line := range []string{
		"", "{", "{}", "[", "[]", `"`, "- {", `{"log"`, `{"log":}`, `{"log":"a"`, `{"log":"a",`, `{"msg": {"a": 1}}`, `{"a": "b"}`, `[1, "x"]`, `["a", "o", "b"]`,
		`[    1.234567] kernel: "a"`, `{"log": null}`, strings.Repeat("{\"a\":", 100), `msg="a" b`, `  found: "a & b &amp; c"`, "a & b", "<a>",
	} {
		var got []string
		require.NoError(t, results.EachRecord(strings.NewReader(line+"\n"), func(l string) { got = append(got, l) }))
		require.Equal(t, []string{line}, got)
	}
}

// A list of bytes is read up to what is none.
func TestRecordsOfBytes(t *testing.T) {
	for list, want := range map[string]string{
		"[65,66,67]": "ABC", "[ 65 , 66 ]": "AB", "[]": "", "[65,]": "A", "[65,256,66]": "A", "[65,999999999999999999999]": "A",
		`[65,"66",67]`: "A", "[-1]": "", "[65 66]": "", "[65, 66 ,67]": "ABC", "[065]": "A",
	} {
		var got []string
		require.NoError(t, results.EachRecord(strings.NewReader(`{"MESSAGE":`+list+"}\n"), func(l string) { got = append(got, l) }))
		require.Equal(t, []string{want}, got, list)
	}
	for _, list := range []string{"[65,,66]", "[65", "[65,66,", "[,65]"} {
		line := `{"MESSAGE":` + list + "}"
		require.NoError(t, results.EachRecord(strings.NewReader(line), func(l string) { require.Equal(t, line, l) }))
	}
}

func FuzzEachRecord(f *testing.F) {
	for _, c := range recorders {
		f.Add([]byte(recorded("TAP version 13\n  level: \"must\"\n", c.record)))
	}
	f.Add([]byte(cast("a\r\nb\x1b[0m", 1)))
	f.Add([]byte(`{"log":"\ud83d\ude00\u"}`))
	f.Add([]byte("<html>\n<a\n>b&lt;"))
	f.Fuzz(func(t *testing.T, log []byte) {
		size := 0
		require.NoError(t, results.EachRecord(strings.NewReader(string(log)), func(line string) {
			require.NotContains(t, line, "\n")
			size += len(line)
		}))
		require.LessOrEqual(t, size, 256*len(log)) // a source is written before each of its lines
	})
}
