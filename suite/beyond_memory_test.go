package suite

import "github.com/u-root/u-root/pkg/dt"

var beyondMemoryMutants = []mutant{
	{
		name: "memory that holds", guest: uefiGuest, change: replace("vmspec/touch", touchOK),
		want: map[string]Verdict{"PLAT-MEM-TOUCH": Pass},
	},
	{
		name: "memory that does not hold", guest: uefiGuest, change: replace("vmspec/touch", "page 4096\ntouched 1024 wrong 3\n"),
		want:    map[string]Verdict{"PLAT-MEM-TOUCH": Fail},
		problem: map[string]string{"PLAT-MEM-TOUCH": "3 pages came back altered"},
	},
	{
		name: "memory at unknown addresses", guest: uefiGuest, change: replace("vmspec/touch", "page 4096\ntouched 1024 wrong 0\n"),
		want: map[string]Verdict{}, problem: map[string]string{"PLAT-MEM-TOUCH": "does not show the addresses of pages"},
	},
	{
		name: "a range of which no page is free", guest: uefiGuest,
		change: all(replace("vmspec/touch", touchOK), tree(func(root *dt.Node) {
			node(root, ramNode).UpdateProperty("reg", cells(0, 0x40000000, 0, 0x20000000, 1, 0, 0, 0x10000000))
		})),
		want:    map[string]Verdict{"PLAT-MEM-ENUM": Fail},
		problem: map[string]string{"PLAT-MEM-TOUCH": "no page was free at 100000000-10fffffff", "PLAT-MEM-ENUM": "256 MiB at 100000000-10fffffff are described and not reserved"},
	},
	{
		name: "a range in which firmware keeps some, by ACPI", guest: acpiGuest,
		change: replace("vmspec/touch", "page 4096\ntouched 256 wrong 0\npiece 1551040512 1606418431 256 1581473792 1582526464\n"),
		want:   map[string]Verdict{"PLAT-MEM-TOUCH": Pass},
	},
	{
		name: "a range far away of which no page is free, by ACPI", guest: acpiGuest,
		change:  all(replace("vmspec/touch", touchOK), add("proc/iomem", "100000000-10fffffff : System RAM\n")),
		want:    map[string]Verdict{},
		problem: map[string]string{"PLAT-MEM-TOUCH": "no page was free at 100000000-10fffffff"},
	},
	{
		name: "a small range of which no page is free", guest: uefiGuest,
		change: all(replace("vmspec/touch", touchOK), tree(func(root *dt.Node) {
			node(root, ramNode).UpdateProperty("reg", cells(0, 0x40000000, 0, 0x20000000, 1, 0, 0, 0x1000000))
		})),
		want: map[string]Verdict{"PLAT-MEM-TOUCH": Pass, "PLAT-MEM-ENUM": Fail},
	},
}
