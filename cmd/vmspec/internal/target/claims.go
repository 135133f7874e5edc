package target

import (
	"os"
	"slices"
	"strings"

	"vmspec/results"
)

// unclaimed are the claims that QEMU's own arguments may change, by these.
var unclaimed = map[string][]string{
	"smp": {"cpus"}, "m": {"memory"}, "numa": {"memory"}, "machine": {"gic", "memory"}, "M": {"gic", "memory"},
	"readconfig": {"cpus", "gic", "memory"},
}

// Claims are what the VM has, since it was asked for. Arguments of the user's own
// may give it more.
func (t Target) Claims(o Options) *results.Claims {
	if t.Hypervisor == Xen {
		return t.xenClaims(o)
	}
	c := &results.Claims{
		CPUs: number(o.CPUs), Memory: number(o.Memory), GIC: number(o.GIC), Consoles: &[]string{"pl011"},
		NICs: number(0), RNG: number(1), Balloon: number(0), TPM: number(0),
		Disks: o.diskClaims(), More: len(o.Extra) > 0,
	}
	for option, keys := range unclaimed {
		given := func(arg string) bool { return strings.TrimLeft(arg, "-") == option && strings.HasPrefix(arg, "-") }
		if slices.ContainsFunc(o.Extra, given) {
			forget(c, keys)
		}
	}
	return c
}

func number(n int) *uint64 { u := uint64(n); return &u }

// xenConsoles are what Xen gives each of its domains.
var xenConsoles = map[string]string{Dom0: "xen", DomU: "xen", Dom0less: "sbsa"}

// xenClaims are what a domain of Xen's has. Its first has the machine's own devices, and
// what the toolstack plugs is not known.
func (t Target) xenClaims(o Options) *results.Claims {
	c := &results.Claims{Consoles: &[]string{xenConsoles[t.Domain]}, RNG: number(0), Balloon: number(0), TPM: number(0), More: true}
	if t.Domain != Dom0 {
		c.CPUs, c.Memory = number(o.CPUs), number(o.Memory)
	}
	return c
}

func forget(c *results.Claims, keys []string) {
	for _, key := range keys {
		switch key {
		case "cpus":
			c.CPUs = nil
		case "memory":
			c.Memory = nil
		case "gic":
			c.GIC = nil
		}
	}
}

// diskClaims are the image, if its size is known: QEMU fills up its last sector.
func (o Options) diskClaims() *[]results.DiskClaim {
	disks := []results.DiskClaim{}
	if o.Image == "" {
		return &disks
	}
	info, err := os.Stat(o.Image)
	if err != nil || !info.Mode().IsRegular() {
		return nil
	}
	disks = append(disks, results.DiskClaim{Name: "image", Bytes: uint64(info.Size()+511) / 512 * 512})
	return &disks
}
