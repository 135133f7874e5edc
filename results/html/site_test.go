//go:build pages

package html_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"vmspec/results"
)

// site writes a site of several hypervisors, one of which is hostile.
func site(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "site")
	s := results.Site{Tool: "vmspec 0.0.0", Profiles: []string{"rfc-v2", "v1.0", "v2.0"}}
	for i, log := range []string{"diff/first.log", "diff/uboot.log", "diff/second.log"} {
		e := read(t, log)
		subject := results.SiteSubject{
			Name: fmt.Sprintf("vmm-%d", i), Title: fmt.Sprintf("VMM %d.0 with AAVMF 2022.11", i), Verdicts: map[string]results.Entry{}, Boots: []results.Entry{e},
			Facts: []results.SiteFact{{Label: "host", Value: "x86-64, TCG"}, {Label: "date", Value: "2026-11-30"}, {Label: "vm.log", Value: "vmspec run qemu-virt-uefi"}},
		}
		for _, p := range s.Profiles {
			r, err := e.Report.By(p)
			require.NoError(t, err)
			subject.Verdicts[p] = results.Entry{Report: r}
		}
		s.Subjects = append(s.Subjects, subject)
	}
	h := hostile(t)
	s.Subjects = append(s.Subjects, results.SiteSubject{Name: "hostile", Title: h.Name, Verdicts: map[string]results.Entry{"rfc-v2": h}, Boots: []results.Entry{h}})
	for _, p := range s.Subjects[0].Verdicts["rfc-v2"].Report.Points {
		s.Requirements = append(s.Requirements, results.SiteRequirement{
			ID: p.ID, Title: p.Title, Facts: []results.SiteFact{{Label: "asked", Value: "The clock shall run."}, {Label: "why", Value: h.Name}},
		})
	}
	s.Mutants = &results.SiteMutants{Catalogue: "12345678", CaughtBy: map[string][]string{"FW-RTC": {"no-clock", h.Name}}, Uncaught: []string{"PLAT-GIC"}}
	require.NoError(t, s.Write(func(name string, page []byte) error {
		file := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		return os.WriteFile(file, page, 0o644)
	}))
	return dir
}

// Each kind of page at both sizes, light and dark.
func TestSitePages(t *testing.T) {
	source, err := os.ReadFile(axe)
	require.NoError(t, err, "VMSPEC_AXE names axe-core's file: make pages does")
	dir := site(t)
	for _, name := range []string{"index.html", "reports/vmm-1.html", "requirements/FW-RTC.html", "mutants.html"} {
		t.Run(name, func(t *testing.T) {
			b := openFile(t, filepath.Join(dir, name))
			require.True(t, value[bool](t, b, string(source)+"; true"))
			b.looks(t, "site-"+strings.ReplaceAll(strings.TrimSuffix(name, ".html"), "/", "-"))
			b.sound(t)
		})
	}
}

// From the table to a requirement's page and back to its row, which is then unfolded.
func TestSiteLinks(t *testing.T) {
	b := openFile(t, filepath.Join(site(t), "index.html"))
	rows := value[int](t, b, allRows)
	require.Greater(t, rows, 80)
	b.do(t, chromedp.SendKeys("#search", "FW-RTC"))
	require.Less(t, value[int](t, b, shownRows), 5)
	b.do(t, chromedp.Click(`#FW-RTC .fold`))
	require.Equal(t, 1, value[int](t, b, openRows))
	require.Equal(t, "requirements/FW-RTC.html", value[string](t, b, `document.querySelector('#FW-RTC\\.detail a[href^=requirements]').getAttribute('href')`))

	address := value[string](t, b, `document.querySelector('#FW-RTC\\.detail a[href^=requirements]').href`)
	b.do(t, chromedp.Navigate(address))
	require.Contains(t, value[string](t, b, `document.querySelector('h1').textContent`), "FW-RTC")
	back := value[string](t, b, `document.querySelector('td a[href*="v2.0"]').href`)
	require.True(t, strings.HasSuffix(back, "/v2.0.html#FW-RTC"), back)
	b.do(t, chromedp.Navigate(back))
	require.Equal(t, 1, value[int](t, b, openRows))
	require.Equal(t, "page", value[string](t, b, `document.querySelector('nav a[href="v2.0.html"]').getAttribute('aria-current')`))
	b.sound(t)
}
