/*
 * How a page looks: its style sheet.
 *
 * Colours are those of Okabe and Ito (2008), which people with any colour vision tell apart; series differ by dashes
 * and marks, too. The shades of a heat map grow from the background to a dark (light, in the dark scheme) blue.
 */
#ifndef DNMF_PAGE_STYLE_H
#define DNMF_PAGE_STYLE_H

/* A constant. */
const char *dnmf_page_style(void);

#endif
