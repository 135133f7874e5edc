package suite

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/probes"
)

// Bounds on what a requirement says of itself, in bytes: a sentence or two, and
// PID 1 has them all.
const shortestText, longestText = 40, 400

func TestCatalogueIsSound(t *testing.T) {
	mangled := map[string]string{}
	for _, r := range Catalogue() {
		t.Run(r.ID, func(t *testing.T) {
			require.Regexp(t, `^(IMG|FW|HW|PLAT|OS)-[A-Z0-9-]+$`, r.ID)
			// LAVA takes a name in lower case, with one underscore for what is no
			// letter, digit or underscore. Two of one name overwrite each other.
			lava := regexp.MustCompile(`\W+`).ReplaceAllString(strings.ToLower(r.ID), "_")
			require.Empty(t, mangled[lava])
			mangled[lava] = r.ID
			require.NotContains(t, r.Title, "#")
			require.LessOrEqual(t, len("not ok 100 - "+r.ID+" "+r.Title), 80)
			require.Regexp(t, `^[A-Z].*\.$`, r.Fix)
			for _, text := range []string{r.Asked, r.How} {
				require.Regexp(t, `^[A-Z].*\.$`, text)
				require.GreaterOrEqual(t, len(text), shortestText)
				require.LessOrEqual(t, len(text), longestText)
			}
			require.Contains(t, []Subject{Platform, Image, GuestOS}, r.Subject)
			require.Equal(t, strings.HasPrefix(r.ID, "OS-"), r.Subject == GuestOS, "who reads a report knows the subject by the ID")
			require.Equal(t, strings.HasPrefix(r.ID, "IMG-"), r.Subject == Image, "likewise")
			require.Contains(t, []Kind{Evidence, Functional}, r.Kind)
			require.NotEqual(t, Clauses{}, r.Clauses)
			for _, profile := range Profiles() {
				c, asked := r.Clauses.By(profile)
				if !asked {
					require.Zero(t, c)
					continue
				}
				require.Contains(t, []Level{Must, Should, StronglyRecommended, Recommended, May, Info}, c.Level)
				require.Equal(t, c.Level == Info, c.Section == "", "what no text asks stands in no section")
				require.Equal(t, c.Level == Info, c.Number == 0, "a sentence has a number, and what no text asks has no sentence")
			}
			if r.RestsOn != "" {
				cause, ok := Find(r.RestsOn)
				require.True(t, ok, r.RestsOn)
				require.NotNil(t, cause.Check)
				require.NotEqual(t, r.ID, cause.ID)
			}
			for _, option := range r.Kernel {
				require.Regexp(t, `^CONFIG_[A-Z0-9_]+$`, option)
			}
			require.Subset(t, probes.Subjects(), r.Needs)
			require.Equal(t, r.Check != nil, len(r.Needs) > 0, "what is judged needs facts")
			require.Equal(t, r.Check == nil, r.Untested != "", "what is not judged says why")
			require.Regexp(t, `^[a-z0-9-]*$`, r.Untested)
		})
	}
}

func TestEveryRequirementOfTheFirstReportIsThere(t *testing.T) {
	for _, id := range []string{
		"FW-UEFI-BOOT", "FW-UEFI-VERSION", "FW-UEFI-SYSTAB", "FW-VAR-RUNTIME", "FW-RTC",
		"HW-FDT-UEFI", "HW-FDT-BOOT", "HW-FDT-ALONE",
		"PLAT-CPU-ENUM", "PLAT-MEM-ENUM", "PLAT-DEV-ENUM", "PLAT-CONSOLE", "PLAT-GIC", "PLAT-GIC-CPUS",
		"PLAT-TIMER", "PLAT-COUNTER", "PLAT-HOTPLUG-BUS",
	} {
		r, ok := Find(id)
		require.True(t, ok, id)
		require.NotNil(t, r.Check, id)
		_, asked := r.Clauses.By(RFCv2)
		require.True(t, asked, id)
	}
}
