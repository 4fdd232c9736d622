/**
 * The instruction forms that ordinary guests use, compiled in one batch at the start: opcode row, operand size, memory form,
 * address size, mode, stack size, repeat prefix. Written by scripts/common-forms.ts; any subset would do.
 */
export const commonForms: readonly string[] = `
01 Ev,Gv#0|4|0|8|64|8|none
01 Ev,Gv#0|4|1|8|64|8|none
01 Ev,Gv#0|8|0|8|64|8|none
01 Ev,Gv#0|8|1|8|64|8|none
03 Gv,Ev#0|4|1|8|64|8|none
03 Gv,Ev#0|4|2|8|64|8|none
03 Gv,Ev#0|8|1|8|64|8|none
03 Gv,Ev#0|8|3|8|64|8|none
05 rAX,Iz#0|4|0|4|32|4|none
05 rAX,Iz#0|8|0|8|64|8|none
08 Eb,Gb#0|4|0|8|64|8|none
09 Ev,Gv#0|4|0|8|64|8|none
09 Ev,Gv#0|4|1|8|64|8|none
09 Ev,Gv#0|8|0|8|64|8|none
09 Ev,Gv#0|8|1|8|64|8|none
09 Ev,Gv#0|8|2|8|64|8|none
0B Gv,Ev#0|2|1|8|64|8|none
0B Gv,Ev#0|4|1|8|64|8|none
0B Gv,Ev#0|8|1|8|64|8|none
0C AL,Ib#0|4|0|8|64|8|none
0D rAX,Iz#0|2|0|8|64|8|none
0D rAX,Iz#0|4|0|4|32|4|none
0D rAX,Iz#0|4|0|8|64|8|none
0D rAX,Iz#0|8|0|8|64|8|none
0F 00 /3 Ew#0|4|0|8|64|8|none
0F 01 /2 mem Ms#0|4|1|8|64|8|none
0F 01 /2 mem Ms#0|4|3|4|32|4|none
0F 01 /3 mem Ms#0|4|1|8|64|8|none
0F 01 /7 Mn#0|4|1|8|64|8|none
0F 01 =F8#0|4|0|8|64|8|none
0F 05#0|4|0|8|64|8|none
0F 07#0|8|0|8|64|8|none
0F 1E Ev#0|4|0|8|64|8|none
0F 1F Ev#0|2|2|8|64|8|none
0F 1F Ev#0|4|1|8|64|8|none
0F 1F Ev#0|4|2|8|64|8|none
0F 20 Ry,Cn#0|4|0|4|32|4|none
0F 20 Ry,Cn#0|4|0|8|64|8|none
0F 22 Cn,Ry#0|4|0|4|32|4|none
0F 22 Cn,Ry#0|4|0|8|64|8|none
0F 30#0|4|0|4|32|4|none
0F 30#0|4|0|8|64|8|none
0F 31#0|4|0|8|64|8|none
0F 32#0|4|0|4|32|4|none
0F 40+cc Gv,Ev#12|4|0|8|64|8|none
0F 40+cc Gv,Ev#13|4|0|8|64|8|none
0F 40+cc Gv,Ev#14|4|0|8|64|8|none
0F 40+cc Gv,Ev#15|4|0|8|64|8|none
0F 40+cc Gv,Ev#2|4|0|8|64|8|none
0F 40+cc Gv,Ev#2|8|0|8|64|8|none
0F 40+cc Gv,Ev#2|8|1|8|64|8|none
0F 40+cc Gv,Ev#3|4|0|8|64|8|none
0F 40+cc Gv,Ev#3|8|0|8|64|8|none
0F 40+cc Gv,Ev#4|4|0|8|64|8|none
0F 40+cc Gv,Ev#4|8|0|8|64|8|none
0F 40+cc Gv,Ev#4|8|1|8|64|8|none
0F 40+cc Gv,Ev#5|4|0|8|64|8|none
0F 40+cc Gv,Ev#5|8|0|8|64|8|none
0F 40+cc Gv,Ev#6|4|0|8|64|8|none
0F 40+cc Gv,Ev#6|8|0|8|64|8|none
0F 40+cc Gv,Ev#7|4|0|8|64|8|none
0F 40+cc Gv,Ev#7|8|0|8|64|8|none
0F 40+cc Gv,Ev#8|4|0|8|64|8|none
0F 40+cc Gv,Ev#8|8|0|8|64|8|none
0F 40+cc Gv,Ev#9|4|0|8|64|8|none
0F 40+cc Gv,Ev#9|8|0|8|64|8|none
0F 80+cc Jz#0|8|0|8|64|8|none
0F 80+cc Jz#10|8|0|8|64|8|none
0F 80+cc Jz#12|8|0|8|64|8|none
0F 80+cc Jz#13|8|0|8|64|8|none
0F 80+cc Jz#14|8|0|8|64|8|none
0F 80+cc Jz#15|8|0|8|64|8|none
0F 80+cc Jz#2|8|0|8|64|8|none
0F 80+cc Jz#3|8|0|8|64|8|none
0F 80+cc Jz#4|8|0|8|64|8|none
0F 80+cc Jz#5|8|0|8|64|8|none
0F 80+cc Jz#6|8|0|8|64|8|none
0F 80+cc Jz#7|8|0|8|64|8|none
0F 80+cc Jz#8|8|0|8|64|8|none
0F 80+cc Jz#9|8|0|8|64|8|none
0F 90+cc Eb#15|4|0|8|64|8|none
0F 90+cc Eb#2|4|0|8|64|8|none
0F 90+cc Eb#3|4|0|8|64|8|none
0F 90+cc Eb#4|4|0|8|64|8|none
0F 90+cc Eb#4|4|1|8|64|8|none
0F 90+cc Eb#5|4|0|8|64|8|none
0F 90+cc Eb#5|4|1|8|64|8|none
0F 90+cc Eb#6|4|0|8|64|8|none
0F A2#0|4|0|8|64|8|none
0F A3 Ev,Gv#0|8|0|8|64|8|none
0F A5 Ev,Gv,CL#0|8|0|8|64|8|none
0F AB Ev,Gv#0|8|0|8|64|8|none
0F AC Ev,Gv,Ib#0|8|0|8|64|8|none
0F AD Ev,Gv,CL#0|8|0|8|64|8|none
0F AF Gv,Ev#0|4|0|8|64|8|none
0F AF Gv,Ev#0|8|0|8|64|8|none
0F AF Gv,Ev#0|8|1|8|64|8|none
0F B1 Ev,Gv#0|4|1|8|64|8|none
0F B6 Gv,Eb#0|4|0|8|64|8|none
0F B6 Gv,Eb#0|4|1|8|64|8|none
0F B6 Gv,Eb#0|4|2|8|64|8|none
0F B7 Gv,Ew#0|4|0|8|64|8|none
0F B7 Gv,Ew#0|4|1|8|64|8|none
0F B7 Gv,Ew#0|4|2|8|64|8|none
0F BA /4 Ev,Ib#0|8|0|8|64|8|none
0F BA /5 Ev,Ib#0|8|0|8|64|8|none
0F BB Ev,Gv#0|8|0|8|64|8|none
0F BC Gv,Ev#0|4|0|8|64|8|none
0F BC Gv,Ev#0|8|0|8|64|8|none
0F BC Gv,Ev#0|8|1|8|64|8|none
0F BC Gv,Ev#0|8|2|8|64|8|none
0F BD Gv,Ev#0|4|0|8|64|8|none
0F BD Gv,Ev#0|8|0|8|64|8|none
0F BD Gv,Ev#0|8|2|8|64|8|none
0F BE Gv,Eb#0|4|0|8|64|8|none
0F BE Gv,Eb#0|4|1|8|64|8|none
0F BE Gv,Eb#0|4|2|8|64|8|none
0F BE Gv,Eb#0|8|0|8|64|8|none
0F BE Gv,Eb#0|8|1|8|64|8|none
0F BF Gv,Ew#0|4|1|8|64|8|none
0F C1 Ev,Gv#0|4|1|8|64|8|none
0F C8+r Zv#0|4|0|8|64|8|none
11 Ev,Gv#0|8|0|8|64|8|none
19 Ev,Gv#0|4|0|8|64|8|none
19 Ev,Gv#0|8|0|8|64|8|none
20 Eb,Gb#0|4|0|8|64|8|none
21 Ev,Gv#0|4|0|8|64|8|none
21 Ev,Gv#0|8|0|8|64|8|none
21 Ev,Gv#0|8|1|8|64|8|none
21 Ev,Gv#0|8|2|8|64|8|none
23 Gv,Ev#0|4|1|8|64|8|none
23 Gv,Ev#0|4|2|8|64|8|none
23 Gv,Ev#0|8|1|8|64|8|none
23 Gv,Ev#0|8|2|8|64|8|none
24 AL,Ib#0|4|0|8|64|8|none
25 rAX,Iz#0|2|0|8|64|8|none
25 rAX,Iz#0|4|0|8|64|8|none
25 rAX,Iz#0|8|0|8|64|8|none
29 Ev,Gv#0|4|0|4|32|4|none
29 Ev,Gv#0|4|0|8|64|8|none
29 Ev,Gv#0|8|0|8|64|8|none
29 Ev,Gv#0|8|1|8|64|8|none
2B Gv,Ev#0|4|1|8|64|8|none
2B Gv,Ev#0|8|1|8|64|8|none
2B Gv,Ev#0|8|2|8|64|8|none
2B Gv,Ev#0|8|3|8|64|8|none
2C AL,Ib#0|4|0|8|64|8|none
2D rAX,Iz#0|2|0|8|64|8|none
2D rAX,Iz#0|4|0|8|64|8|none
2D rAX,Iz#0|8|0|8|64|8|none
30 Eb,Gb#0|4|0|8|64|8|none
31 Ev,Gv#0|4|0|4|32|4|none
31 Ev,Gv#0|4|0|8|64|8|none
31 Ev,Gv#0|8|0|8|64|8|none
32 Gb,Eb#0|4|1|8|64|8|none
33 Gv,Ev#0|4|1|8|64|8|none
33 Gv,Ev#0|4|2|8|64|8|none
33 Gv,Ev#0|8|1|8|64|8|none
33 Gv,Ev#0|8|3|8|64|8|none
38 Eb,Gb#0|4|0|8|64|8|none
38 Eb,Gb#0|4|1|8|64|8|none
38 Eb,Gb#0|4|2|8|64|8|none
39 Ev,Gv#0|2|0|8|64|8|none
39 Ev,Gv#0|2|1|8|64|8|none
39 Ev,Gv#0|4|0|8|64|8|none
39 Ev,Gv#0|4|1|8|64|8|none
39 Ev,Gv#0|8|0|8|64|8|none
39 Ev,Gv#0|8|1|8|64|8|none
39 Ev,Gv#0|8|2|8|64|8|none
3B Gv,Ev#0|2|1|8|64|8|none
3B Gv,Ev#0|4|1|8|64|8|none
3B Gv,Ev#0|8|1|8|64|8|none
3B Gv,Ev#0|8|2|8|64|8|none
3C AL,Ib#0|4|0|8|64|8|none
3D rAX,Iz#0|2|0|8|64|8|none
3D rAX,Iz#0|4|0|8|64|8|none
3D rAX,Iz#0|8|0|8|64|8|none
50+r Zv#0|8|0|8|64|8|none
58+r Zv#0|8|0|8|64|8|none
63 Gv,Ed#0|8|0|8|64|8|none
63 Gv,Ed#0|8|1|8|64|8|none
63 Gv,Ed#0|8|2|8|64|8|none
66 0F 12 mem Vps,Mq#0|4|1|8|64|8|none
66 0F 16 mem Vps,Mq#0|4|1|8|64|8|none
66 0F 28 Vpd,Wpd#0|4|0|8|64|8|none
66 0F 2E Vx,Wsd#0|4|0|8|64|8|none
66 0F 2E Vx,Wsd#0|4|1|8|64|8|none
66 0F 54 Vx,Wx#0|4|1|8|64|8|none
66 0F 60 Vx,Wx#0|4|0|8|64|8|none
66 0F 61 Vx,Wx#0|4|0|8|64|8|none
66 0F 62 Vx,Wx#0|4|0|8|64|8|none
66 0F 66 Vx,Wx#0|4|0|8|64|8|none
66 0F 6A Vx,Wx#0|4|0|8|64|8|none
66 0F 6C Vx,Wx#0|4|0|8|64|8|none
66 0F 6E Vx,Ey#0|4|0|8|64|8|none
66 0F 6E Vx,Ey#0|4|1|8|64|8|none
66 0F 6E Vx,Ey#0|8|0|8|64|8|none
66 0F 6F Vx,Wx#0|4|0|8|64|8|none
66 0F 6F Vx,Wx#0|4|1|8|64|8|none
66 0F 70 Vx,Wx,Ib#0|4|0|8|64|8|none
66 0F 72 /2 Ux,Ib#0|4|0|8|64|8|none
66 0F 72 /4 Ux,Ib#0|4|0|8|64|8|none
66 0F 72 /6 Ux,Ib#0|4|0|8|64|8|none
66 0F 73 /2 Ux,Ib#0|4|0|8|64|8|none
66 0F 73 /3 Ux,Ib#0|4|0|8|64|8|none
66 0F 73 /6 Ux,Ib#0|4|0|8|64|8|none
66 0F 73 /7 Ux,Ib#0|4|0|8|64|8|none
66 0F 74 Vx,Wx#0|4|0|8|64|8|none
66 0F 74 Vx,Wx#0|4|1|8|64|8|none
66 0F 76 Vx,Wx#0|4|0|8|64|8|none
66 0F 7E Ey,Vx#0|4|0|8|64|8|none
66 0F 7E Ey,Vx#0|8|0|8|64|8|none
66 0F D4 Vx,Wx#0|4|0|8|64|8|none
66 0F D6 Wq,Vx#0|4|1|8|64|8|none
66 0F D7 Gd,Ux#0|4|0|8|64|8|none
66 0F DB Vx,Wx#0|4|0|8|64|8|none
66 0F DF Vx,Wx#0|4|0|8|64|8|none
66 0F EB Vx,Wx#0|4|0|8|64|8|none
66 0F EF Vx,Wx#0|4|0|8|64|8|none
66 0F F4 Vx,Wx#0|4|0|8|64|8|none
66 0F F4 Vx,Wx#0|4|1|8|64|8|none
66 0F F8 Vx,Wx#0|4|0|8|64|8|none
66 0F FA Vx,Wx#0|4|0|8|64|8|none
66 0F FE Vx,Wx#0|4|0|8|64|8|none
68 Iz#0|8|0|8|64|8|none
69 Gv,Ev,Iz#0|4|0|8|64|8|none
69 Gv,Ev,Iz#0|8|0|8|64|8|none
69 Gv,Ev,Iz#0|8|1|8|64|8|none
6A Ibs#0|8|0|8|64|8|none
6B Gv,Ev,Ibs#0|4|1|8|64|8|none
6B Gv,Ev,Ibs#0|8|0|8|64|8|none
6B Gv,Ev,Ibs#0|8|1|8|64|8|none
70+cc Jbs#0|8|0|8|64|8|none
70+cc Jbs#12|8|0|8|64|8|none
70+cc Jbs#13|8|0|8|64|8|none
70+cc Jbs#14|8|0|8|64|8|none
70+cc Jbs#15|8|0|8|64|8|none
70+cc Jbs#2|8|0|8|64|8|none
70+cc Jbs#3|8|0|8|64|8|none
70+cc Jbs#4|8|0|8|64|8|none
70+cc Jbs#5|8|0|8|64|8|none
70+cc Jbs#6|8|0|8|64|8|none
70+cc Jbs#7|8|0|8|64|8|none
70+cc Jbs#8|8|0|8|64|8|none
70+cc Jbs#9|8|0|8|64|8|none
80 /1 Eb,Ib#0|4|0|8|64|8|none
80 /1 Eb,Ib#0|4|1|8|64|8|none
80 /4 Eb,Ib#0|4|0|8|64|8|none
80 /4 Eb,Ib#0|4|1|8|64|8|none
80 /7 Eb,Ib#0|4|0|8|64|8|none
80 /7 Eb,Ib#0|4|1|8|64|8|none
80 /7 Eb,Ib#0|4|2|8|64|8|none
80 /7 Eb,Ib#0|4|3|8|64|8|none
81 /0 Ev,Iz#0|4|0|8|64|8|none
81 /0 Ev,Iz#0|8|0|8|64|8|none
81 /1 Ev,Iz#0|2|0|8|64|8|none
81 /1 Ev,Iz#0|4|0|8|64|8|none
81 /1 Ev,Iz#0|4|1|8|64|8|none
81 /1 Ev,Iz#0|8|1|8|64|8|none
81 /4 Ev,Iz#0|2|0|8|64|8|none
81 /4 Ev,Iz#0|4|0|8|64|8|none
81 /4 Ev,Iz#0|4|1|8|64|8|none
81 /4 Ev,Iz#0|8|0|8|64|8|none
81 /4 Ev,Iz#0|8|1|8|64|8|none
81 /5 Ev,Iz#0|4|0|8|64|8|none
81 /5 Ev,Iz#0|8|0|8|64|8|none
81 /6 Ev,Iz#0|2|0|8|64|8|none
81 /6 Ev,Iz#0|4|0|8|64|8|none
81 /7 Ev,Iz#0|2|0|8|64|8|none
81 /7 Ev,Iz#0|2|1|8|64|8|none
81 /7 Ev,Iz#0|4|0|8|64|8|none
81 /7 Ev,Iz#0|4|1|8|64|8|none
81 /7 Ev,Iz#0|8|0|8|64|8|none
81 /7 Ev,Iz#0|8|1|8|64|8|none
83 /0 Ev,Ibs#0|2|1|8|64|8|none
83 /0 Ev,Ibs#0|4|0|4|32|4|none
83 /0 Ev,Ibs#0|4|0|8|64|8|none
83 /0 Ev,Ibs#0|4|1|8|64|8|none
83 /0 Ev,Ibs#0|4|2|8|64|8|none
83 /0 Ev,Ibs#0|8|0|8|64|8|none
83 /0 Ev,Ibs#0|8|1|8|64|8|none
83 /0 Ev,Ibs#0|8|2|8|64|8|none
83 /1 Ev,Ibs#0|4|0|4|32|4|none
83 /1 Ev,Ibs#0|4|0|8|64|8|none
83 /1 Ev,Ibs#0|4|1|8|64|8|none
83 /1 Ev,Ibs#0|8|0|8|64|8|none
83 /1 Ev,Ibs#0|8|1|8|64|8|none
83 /2 Ev,Ibs#0|4|0|8|64|8|none
83 /2 Ev,Ibs#0|8|0|8|64|8|none
83 /3 Ev,Ibs#0|8|0|8|64|8|none
83 /4 Ev,Ibs#0|4|0|4|32|4|none
83 /4 Ev,Ibs#0|4|0|8|64|8|none
83 /4 Ev,Ibs#0|4|1|8|64|8|none
83 /4 Ev,Ibs#0|8|0|8|64|8|none
83 /4 Ev,Ibs#0|8|1|8|64|8|none
83 /5 Ev,Ibs#0|2|1|8|64|8|none
83 /5 Ev,Ibs#0|4|0|8|64|8|none
83 /5 Ev,Ibs#0|4|1|8|64|8|none
83 /5 Ev,Ibs#0|8|0|8|64|8|none
83 /5 Ev,Ibs#0|8|1|8|64|8|none
83 /6 Ev,Ibs#0|4|0|8|64|8|none
83 /6 Ev,Ibs#0|8|0|8|64|8|none
83 /7 Ev,Ibs#0|2|0|8|64|8|none
83 /7 Ev,Ibs#0|2|1|8|64|8|none
83 /7 Ev,Ibs#0|4|0|8|64|8|none
83 /7 Ev,Ibs#0|4|1|8|64|8|none
83 /7 Ev,Ibs#0|4|2|8|64|8|none
83 /7 Ev,Ibs#0|8|0|8|64|8|none
83 /7 Ev,Ibs#0|8|1|8|64|8|none
83 /7 Ev,Ibs#0|8|2|8|64|8|none
83 /7 Ev,Ibs#0|8|3|8|64|8|none
84 Eb,Gb#0|4|0|8|64|8|none
85 Ev,Gv#0|2|0|8|64|8|none
85 Ev,Gv#0|4|0|8|64|8|none
85 Ev,Gv#0|4|1|8|64|8|none
85 Ev,Gv#0|8|0|8|64|8|none
87 Ev,Gv#0|4|1|8|64|8|none
87 Ev,Gv#0|8|1|8|64|8|none
88 Eb,Gb#0|4|0|8|64|8|none
88 Eb,Gb#0|4|1|8|64|8|none
88 Eb,Gb#0|4|2|8|64|8|none
88 Eb,Gb#0|4|3|8|64|8|none
89 Ev,Gv#0|2|1|8|64|8|none
89 Ev,Gv#0|2|2|8|64|8|none
89 Ev,Gv#0|4|0|4|32|4|none
89 Ev,Gv#0|4|0|8|64|8|none
89 Ev,Gv#0|4|1|8|64|8|none
89 Ev,Gv#0|4|2|8|64|8|none
89 Ev,Gv#0|4|3|4|32|4|none
89 Ev,Gv#0|4|3|8|64|8|none
89 Ev,Gv#0|8|0|8|64|8|none
89 Ev,Gv#0|8|1|8|64|8|none
89 Ev,Gv#0|8|2|8|64|8|none
89 Ev,Gv#0|8|3|8|64|8|none
8A Gb,Eb#0|4|1|8|64|8|none
8A Gb,Eb#0|4|2|8|64|8|none
8B Gv,Ev#0|2|1|8|64|8|none
8B Gv,Ev#0|4|1|8|64|8|none
8B Gv,Ev#0|4|2|8|64|8|none
8B Gv,Ev#0|4|3|8|64|8|none
8B Gv,Ev#0|8|1|8|64|8|none
8B Gv,Ev#0|8|2|8|64|8|none
8B Gv,Ev#0|8|3|8|64|8|none
8D Gv,Mn#0|4|1|8|64|8|none
8D Gv,Mn#0|4|2|8|64|8|none
8D Gv,Mn#0|8|1|8|64|8|none
8D Gv,Mn#0|8|2|8|64|8|none
8E Sw,Ew#0|4|0|8|64|8|none
8F /0 Ev#0|8|1|8|64|8|none
90+r Zv,rAX#0|2|0|8|64|8|none
90+r Zv,rAX#0|4|0|8|64|8|none
98#0|8|0|8|64|8|none
99#0|4|0|8|64|8|none
99#0|8|0|8|64|8|none
9C#0|8|0|8|64|8|none
A3 Ov,rAX#0|4|3|4|32|4|none
A4#0|4|0|8|64|8|rep
A5#0|4|0|8|64|8|rep
A5#0|8|0|8|64|8|rep
A8 AL,Ib#0|4|0|8|64|8|none
A9 rAX,Iz#0|2|0|8|64|8|none
A9 rAX,Iz#0|4|0|8|64|8|none
A9 rAX,Iz#0|8|0|8|64|8|none
AA#0|4|0|4|32|4|rep
AA#0|4|0|8|64|8|rep
AB#0|4|0|4|32|4|rep
AB#0|4|0|8|64|8|rep
AB#0|8|0|8|64|8|rep
B0+r Zb,Ib#0|4|0|8|64|8|none
B8+r Zv,Iv#0|4|0|4|32|4|none
B8+r Zv,Iv#0|4|0|8|64|8|none
B8+r Zv,Iv#0|8|0|8|64|8|none
C0 /4 Eb,Ib#0|4|0|8|64|8|none
C0 /5 Eb,Ib#0|4|0|8|64|8|none
C1 /0 Ev,Ib#0|4|0|8|64|8|none
C1 /0 Ev,Ib#0|8|0|8|64|8|none
C1 /1 Ev,Ib#0|4|0|8|64|8|none
C1 /1 Ev,Ib#0|8|0|8|64|8|none
C1 /4 Ev,Ib#0|4|0|8|64|8|none
C1 /4 Ev,Ib#0|8|0|8|64|8|none
C1 /5 Ev,Ib#0|2|0|8|64|8|none
C1 /5 Ev,Ib#0|4|0|4|32|4|none
C1 /5 Ev,Ib#0|4|0|8|64|8|none
C1 /5 Ev,Ib#0|8|0|8|64|8|none
C1 /7 Ev,Ib#0|4|0|8|64|8|none
C1 /7 Ev,Ib#0|8|0|8|64|8|none
C3#0|8|0|8|64|8|none
C6 /0 Eb,Ib#0|4|1|8|64|8|none
C6 /0 Eb,Ib#0|4|2|8|64|8|none
C6 /0 Eb,Ib#0|4|3|8|64|8|none
C7 /0 Ev,Iz#0|2|1|8|64|8|none
C7 /0 Ev,Iz#0|4|1|8|64|8|none
C7 /0 Ev,Iz#0|4|2|8|64|8|none
C7 /0 Ev,Iz#0|4|3|4|32|4|none
C7 /0 Ev,Iz#0|4|3|8|64|8|none
C7 /0 Ev,Iz#0|8|0|8|64|8|none
C7 /0 Ev,Iz#0|8|1|8|64|8|none
C7 /0 Ev,Iz#0|8|2|8|64|8|none
C7 /0 Ev,Iz#0|8|3|8|64|8|none
C9#0|8|0|8|64|8|none
CB#0|8|0|8|64|8|none
CC#0|4|0|8|64|8|none
CF#0|8|0|8|64|8|none
D1 /5 Ev,1#0|2|0|8|64|8|none
D1 /5 Ev,1#0|4|0|8|64|8|none
D1 /5 Ev,1#0|8|0|8|64|8|none
D1 /7 Ev,1#0|4|0|8|64|8|none
D1 /7 Ev,1#0|8|0|8|64|8|none
D3 /0 Ev,CL#0|8|0|8|64|8|none
D3 /4 Ev,CL#0|4|0|8|64|8|none
D3 /4 Ev,CL#0|8|0|8|64|8|none
D3 /5 Ev,CL#0|4|0|8|64|8|none
D3 /5 Ev,CL#0|8|0|8|64|8|none
D3 /7 Ev,CL#0|8|0|8|64|8|none
D9 /0 Tn#0|4|0|8|64|8|none
D9 /1 Tn#0|4|0|8|64|8|none
D9 /7 Mw#0|4|1|8|64|8|none
D9 =E1#0|4|0|8|64|8|none
DB /5 Mt#0|4|1|8|64|8|none
DB /5 Tn#0|4|0|8|64|8|none
DB /7 Mt#0|4|1|8|64|8|none
DB =E3#0|4|0|4|32|4|none
DB =E3#0|4|0|8|64|8|none
DD /3 Tn#0|4|0|8|64|8|none
DF /5 Tn#0|4|0|8|64|8|none
E2 Jbs#0|4|0|4|32|4|none
E7 Ib,eAX#0|4|0|8|64|8|none
E8 Jz#0|8|0|4|64|8|none
E8 Jz#0|8|0|8|64|8|none
E9 Jz#0|8|0|8|64|8|none
EA Ap#0|4|0|4|32|4|none
EB Jbs#0|8|0|8|64|8|none
EC AL,DX#0|4|0|8|64|8|none
EE DX,AL#0|4|0|8|64|8|none
F2 0F 10 Vpd,Wsd#0|4|1|8|64|8|none
F2 0F 11 Wsd,Vpd#0|4|1|8|64|8|none
F3 0F 6F Vx,Wx#0|4|1|8|64|8|none
F3 0F 7E Vx,Wq#0|4|1|8|64|8|none
F4#0|4|0|8|64|8|none
F6 /0 Eb,Ib#0|4|0|8|64|8|none
F6 /0 Eb,Ib#0|4|1|8|64|8|none
F6 /3 Eb#0|4|0|8|64|8|none
F7 /0 Ev,Iz#0|2|1|8|64|8|none
F7 /0 Ev,Iz#0|4|0|8|64|8|none
F7 /0 Ev,Iz#0|4|1|8|64|8|none
F7 /0 Ev,Iz#0|8|0|8|64|8|none
F7 /0 Ev,Iz#0|8|1|8|64|8|none
F7 /2 Ev#0|4|0|8|64|8|none
F7 /2 Ev#0|8|0|8|64|8|none
F7 /3 Ev#0|4|0|8|64|8|none
F7 /3 Ev#0|8|0|8|64|8|none
F7 /4 Ev#0|8|0|8|64|8|none
F7 /4 Ev#0|8|1|8|64|8|none
F7 /5 Ev#0|8|0|8|64|8|none
F7 /6 Ev#0|4|0|8|64|8|none
F7 /6 Ev#0|4|1|8|64|8|none
F7 /6 Ev#0|8|0|8|64|8|none
F7 /6 Ev#0|8|1|8|64|8|none
F7 /7 Ev#0|8|0|8|64|8|none
FA#0|4|0|4|32|4|none
FA#0|4|0|8|64|8|none
FB#0|4|0|8|64|8|none
FC#0|4|0|4|32|4|none
FC#0|4|0|8|64|8|none
FF /0 Ev#0|4|0|8|64|8|none
FF /0 Ev#0|4|1|8|64|8|none
FF /0 Ev#0|8|0|8|64|8|none
FF /1 Ev#0|4|0|8|64|8|none
FF /1 Ev#0|8|0|8|64|8|none
FF /2 Ev#0|8|0|8|64|8|none
FF /2 Ev#0|8|1|8|64|8|none
FF /2 Ev#0|8|2|8|64|8|none
FF /4 Ev#0|8|0|8|64|8|none
FF /4 Ev#0|8|1|8|64|8|none
FF /4 Ev#0|8|2|8|64|8|none
FF /6 Ev#0|8|1|8|64|8|none
FF /6 Ev#0|8|3|8|64|8|none
NP 0F 10 Vps,Wps#0|4|1|8|64|8|none
NP 0F 10 Vps,Wps#0|4|2|8|64|8|none
NP 0F 11 Wps,Vps#0|4|1|8|64|8|none
NP 0F 11 Wps,Vps#0|4|2|8|64|8|none
NP 0F 16 mem Vps,Mq#0|4|1|8|64|8|none
NP 0F 29 Wps,Vps#0|4|1|8|64|8|none
NP 0F AE /0 Mn#0|8|1|8|64|8|none
NP 0F AE /1 Mn#0|8|1|8|64|8|none
NP 0F AE /2 Md#0|4|1|8|64|8|none
NP 0F AE /5 reg#0|4|0|8|64|8|none
NP 0F AE /6 reg#0|4|0|8|64|8|none
NP 0F AE /7 reg#0|4|0|8|64|8|none
`
  .trim()
  .split("\n");
