package results

import (
	"bytes"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// siteOf is a site of one hypervisor that says a text wherever it may say something.
func siteOf(t *testing.T, payload string) *Site {
	t.Helper()
	data, err := os.ReadFile("testdata/diff/first.log")
	require.NoError(t, err)
	r, err := Parse(bytes.NewReader(data), "")
	require.NoError(t, err)
	for i := range r.Points {
		p := &r.Points[i]
		p.Title, p.Found, p.Reason = payload, payload, payload
	}
	e := Entry{Name: payload, Report: r}
	return &Site{
		Profiles:     []string{"rfc-v2", "v1.0"},
		Subjects:     []SiteSubject{{Name: "vmm-1", Title: payload, Facts: []SiteFact{{"host", payload}}, Verdicts: map[string]Entry{"rfc-v2": e}, Boots: []Entry{e}}},
		Requirements: []SiteRequirement{{ID: "FW-RTC", Title: "The clock", Facts: []SiteFact{{"why", payload}}}},
		Mutants:      &SiteMutants{Catalogue: payload, CaughtBy: map[string][]string{"FW-RTC": {payload}}},
	}
}

// What a guest, a sender or a file wrote arrives as text on each page, and every link
// leads to a page that is there.
func TestSite(t *testing.T) {
	const payload = `"><img src=x onerror=alert(1)><script>alert(2)</script>` + "\x1b[31m ##[error] javascript:alert(3)"
	pages := map[string]string{}
	require.NoError(t, siteOf(t, payload).Write(func(name string, page []byte) error {
		pages[name] = string(page)
		return nil
	}))
	require.Len(t, pages, 5)
	link := regexp.MustCompile(`href="([^"#]*)[#"]`)
	for name, page := range pages {
		for _, bad := range []string{"<img", "<script>alert", "\x1b", "##[", `href="javascript`, "http://", "https://"} {
			require.NotContains(t, page, bad, name)
		}
		require.Contains(t, page, "&lt;img", name)
		for _, m := range link.FindAllStringSubmatch(page, -1) {
			to := m[1]
			switch {
			case to == "" || to == "data:,":
				continue
			case strings.HasPrefix(to, "../"):
				to = strings.TrimPrefix(to, "../")
			case strings.Contains(name, "/"):
				require.Fail(t, "a link that does not lead up", "%s: %s", name, to)
			}
			require.Contains(t, pages, to, name)
		}
	}
	require.Contains(t, pages["index.html"], `href="requirements/FW-RTC.html"`)
	require.NotContains(t, pages["index.html"], `href="requirements/PLAT-GIC.html"`, "there is no such page")
	require.Contains(t, pages["requirements/FW-RTC.html"], `href="../index.html#FW-RTC"`)
	require.Contains(t, pages["v1.0.html"], "No report by v1.0")
}

func TestReadMutants(t *testing.T) {
	m, err := ReadMutants(strings.NewReader(`{"catalogue":"1","caught_by":{"A":["x"]},"uncaught":["B"],"live":[]}`))
	require.NoError(t, err)
	require.Equal(t, []string{"x"}, m.CaughtBy["A"])
	for _, bad := range []string{"", "{", "[]", "{}", `{"caught_by":{"<b>":["x"]}}`, `{"caught_by":{"A":[]},"uncaught":["b"]}`} {
		_, err := ReadMutants(strings.NewReader(bad))
		require.ErrorContains(t, err, "not the matrix of mutants", bad)
	}
}

func FuzzReadMutants(f *testing.F) {
	f.Add([]byte(`{"caught_by":{"A":["x"]}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := ReadMutants(bytes.NewReader(text))
		if err != nil {
			return
		}
		require.NotEmpty(t, m.CaughtBy)
		for id := range m.CaughtBy {
			require.Regexp(t, isID, id)
		}
	})
}
